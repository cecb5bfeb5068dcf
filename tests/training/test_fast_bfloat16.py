"""When `precision` auto is bfloat16."""

from pathlib import Path

import pytest
import torch

from spellock.training import fast_bfloat16 as module
from spellock.training.config import FinetuneConfig
from spellock.training.preparation import use_bf16

CPU = torch.device("cpu")


@pytest.mark.parametrize(
    ("amx", "avx512", "vendor", "fast"),
    [
        (True, True, "GenuineIntel", True),
        (False, True, "GenuineIntel", False),
        (False, True, "AuthenticAMD", True),
        (False, False, "AuthenticAMD", False),
    ],
)
def test_a_cpu_is_judged_by_units_and_maker(
    amx: bool, avx512: bool, vendor: str, fast: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: amx, raising=False)
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: avx512, raising=False)
    (tmp_path / "cpuinfo").write_text(f"processor\t: 0\nvendor_id\t: {vendor}\nflags\t\t: fpu\n")
    monkeypatch.setattr(module, "_CPUINFO", tmp_path / "cpuinfo")
    assert module.fast_bfloat16(CPU) is fast
    assert use_bf16(FinetuneConfig(precision="auto"), CPU) is fast
    # Where there is no such file, the platform's words name the maker.
    monkeypatch.setattr(module, "_CPUINFO", tmp_path / "none")
    monkeypatch.setattr("platform.processor", lambda: f"Family 6 Model 143 Stepping 8, {vendor}")
    assert module.fast_bfloat16(CPU) is fast


def test_what_is_asked_for_is_done_and_odd_devices_stay_in_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    assert use_bf16(FinetuneConfig(precision="bf16"), CPU)
    assert not use_bf16(FinetuneConfig(precision="fp32"), CPU)
    assert not module.fast_bfloat16(torch.device("mps"))
    # A PyTorch without these functions.
    monkeypatch.delattr(torch.cpu, "_is_amx_tile_supported", raising=False)
    monkeypatch.delattr(torch.cpu, "_is_avx512_bf16_supported", raising=False)
    assert not module.fast_bfloat16(CPU)
