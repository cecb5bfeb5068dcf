"""Our reading and writing of the safetensors format, against the library's."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors import SafetensorError, safe_open
from safetensors.torch import load, save

from spellock.errors import ModelError, StorageError
from spellock.weightlocks.dtypes import BITS, TORCH, bytes_of, describe, tensor_from
from spellock.weightlocks.safetensors_header import Header, TensorEntry
from spellock.weightlocks.safetensors_stream import SafetensorsReader, write_safetensors

from .safetensors_samples import a_file, every_kind, same


def entry_of(name: str, tensor: torch.Tensor) -> TensorEntry:
    dtype, shape = describe(tensor)
    return TensorEntry(name=name, dtype=dtype, shape=shape)


def write(path: Path, tensors: dict[str, torch.Tensor], **options: object) -> Path:
    entries = [entry_of(name, tensor) for name, tensor in tensors.items()]
    write_safetensors(path, entries, lambda entry: [bytes_of(tensors[entry.name])], **options)  # type: ignore[arg-type]
    return path


def test_what_the_library_wrote_is_read(tmp_path: Path) -> None:
    tensors = every_kind()
    with SafetensorsReader(a_file(tmp_path / "a")) as reader:
        assert reader.header.metadata == {"format": "pt", "note": "ä"}
        assert {entry.name for entry in reader.header.entries} == tensors.keys()
        for entry in reader.header.entries:
            pieces = list(reader.chunks(entry, size=7))
            assert all(len(piece) <= 7 for piece in pieces)
            found = tensor_from(bytearray(b"".join(pieces)), entry.dtype, entry.shape)
            assert same(found, tensors[entry.name]), entry.name


def test_what_is_written_the_library_reads(tmp_path: Path) -> None:
    tensors = every_kind()
    path = write(tmp_path / "b", tensors, metadata={"format": "pt"})
    with safe_open(path, "pt") as file:
        assert file.metadata() == {"format": "pt"}
        assert set(file.keys()) == tensors.keys()
        for name, tensor in tensors.items():
            assert same(file.get_tensor(name), tensor), name
    assert path.stat().st_mode & 0o777 == 0o644
    with pytest.raises(StorageError, match="exists already"):
        write(path, tensors)
    write(path, {}, overwrite=True)
    assert load(path.read_bytes()) == {}


def test_wide_elements_come_first_and_aligned(tmp_path: Path) -> None:
    with SafetensorsReader(write(tmp_path / "b", every_kind())) as reader:
        header = reader.header
    assert reader._data_at % 8 == 0
    widths = [BITS[entry.dtype] for entry in header.entries]
    assert widths == sorted(widths, reverse=True)
    assert all(header.offsets[entry.name] % max(BITS[entry.dtype] // 8, 1) == 0 for entry in header.entries)


def test_the_names_and_widths_are_the_librarys() -> None:
    for name, kind in TORCH.items():
        header = json.loads(
            save({"a": torch.zeros(2, dtype=torch.uint8).repeat(kind.itemsize).view(kind)})[8:].split(b"}}")[0] + b"}}"
        )
        assert header["a"]["dtype"] == name
        start, stop = header["a"]["data_offsets"]
        assert stop - start == np.prod(header["a"]["shape"]) * BITS[name] // 8


@given(
    st.lists(
        st.tuples(st.sampled_from(["F32", "BF16", "I8", "BOOL", "F64"]), st.lists(st.integers(0, 4), max_size=3)),
        max_size=5,
    )
)
@settings(max_examples=40, deadline=None)
def test_headers_agree_with_the_librarys(kinds: list[tuple[str, list[int]]]) -> None:
    """The library accepts ours, and both put the same tensors at the same places."""
    tensors = {f"t{i}": torch.zeros(shape, dtype=TORCH[name]) for i, (name, shape) in enumerate(kinds)}
    ours = Header.of([entry_of(name, tensor) for name, tensor in tensors.items()])
    file = len(ours.raw).to_bytes(8, "little") + ours.raw + bytes(ours.nbytes)
    assert all(same(tensor, tensors[name]) for name, tensor in load(file).items())
    theirs = save(tensors)
    length = int.from_bytes(theirs[:8], "little")
    read = Header.from_raw(theirs[8 : 8 + length], name="theirs")
    assert read.nbytes == len(theirs) - 8 - length
    assert {e.name for e in read.entries} == tensors.keys()


def header(**fields: object) -> bytes:
    return json.dumps(fields).encode()


def field(dtype: object = "U8", shape: object = (2,), span: object = (0, 2), **more: object) -> dict[str, object]:
    return {"dtype": dtype, "shape": shape, "data_offsets": span, **more}


BAD_HEADERS = {
    "no JSON": b"{",
    "no object": b"[]",
    "blank first": b" " + header(a=field()),
    "not UTF-8": b'{"\xff": 1}',
    "deep": b"[" * 100_000,
    "a name twice": b'{"a":' + json.dumps(field()).encode() + b',"a":' + json.dumps(field()).encode() + b"}",
    "unknown type": header(a=field("U7")),
    "type is no text": header(a=field(7)),
    "no list": header(a=field(shape=2)),
    "negative": header(a=field(shape=[-1, -2])),
    "true for one": header(a=field(shape=[True, 2])),
    "a float": header(a=field(shape=[2.0])),
    "too many sizes": header(a=field(shape=[1] * 64 + [2])),
    "huge": header(a=field(shape=[2**63])),
    "half a byte": header(a=field("F4", [3], [0, 2])),
    "gap at the beginning": header(a=field(span=[1, 3])),
    "gap": header(a=field(), b=field(span=[3, 5])),
    "overlap": header(a=field(), b=field(span=[1, 3])),
    "size does not fit": header(a=field(span=[0, 3])),
    "backwards": header(a=field(span=[2, 0])),
    "offsets are text": header(a=field(span=["0", "2"])),
    "three offsets": header(a=field(span=[0, 2, 2])),
    "field too many": header(a=field(more=1)),
    "field too few": header(a={"dtype": "U8", "shape": [2]}),
    "a number": header(a=1),
    "metadata is no text": b'{"__metadata__": {"a": 1}}',
    "metadata is a list": b'{"__metadata__": []}',
}


@pytest.mark.parametrize("raw", BAD_HEADERS.values(), ids=BAD_HEADERS)
def test_bad_headers_are_refused(tmp_path: Path, raw: bytes) -> None:
    path = tmp_path / "bad"
    path.write_bytes(len(raw).to_bytes(8, "little") + raw + b"xx")
    with pytest.raises(ModelError) as caught:
        SafetensorsReader(path)
    assert "\n" not in str(caught.value)


def test_a_good_header_in_their_place_is_not_refused(tmp_path: Path) -> None:
    raw = header(a=field())
    path = tmp_path / "good"
    path.write_bytes(len(raw).to_bytes(8, "little") + raw + b"xx")
    with SafetensorsReader(path) as reader:
        assert list(reader.chunks(reader.header.entries[0])) == [b"xx"]


def test_cut_and_lengthened_files_are_refused(tmp_path: Path) -> None:
    path = a_file(tmp_path / "a", {"t": torch.arange(3)})
    good = path.read_bytes()
    for data in (*(good[:length] for length in range(len(good))), good + b"\0"):
        path.write_bytes(data)
        with pytest.raises(ModelError):
            SafetensorsReader(path)
        with pytest.raises(SafetensorError):
            load(data)
    path.write_bytes((100_000_001).to_bytes(8, "little") + b"{}")
    os.truncate(path, 100_000_100)
    with pytest.raises(ModelError, match="does not fit"):
        SafetensorsReader(path)


def test_paths_that_are_no_files(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "nothing"):
        with pytest.raises(ModelError, match="no weights file"):
            SafetensorsReader(path)


def test_a_file_that_shrinks_while_it_is_read(tmp_path: Path) -> None:
    path = a_file(tmp_path / "a", {"t": torch.zeros(100_000)})
    with SafetensorsReader(path) as reader:
        os.truncate(path, 1000)
        with pytest.raises(ModelError, match="cut short"):
            list(reader.chunks(reader.header.entries[0], size=200_000))


@pytest.mark.parametrize("pieces", [[b"12"], [b"12", b"345"], []])
def test_pieces_that_do_not_fit_leave_nothing(tmp_path: Path, pieces: list[bytes]) -> None:
    with pytest.raises(ModelError, match="expected 4"):
        write_safetensors(tmp_path / "c", [TensorEntry(name="a", dtype="F32", shape=())], lambda _: pieces)
    assert not list(tmp_path.iterdir())


def test_an_interruption_leaves_nothing(tmp_path: Path) -> None:
    def chunks(_: TensorEntry) -> Iterator[bytes]:
        yield b"12"
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_safetensors(tmp_path / "c", [TensorEntry(name="a", dtype="F32", shape=())], chunks)
    assert not list(tmp_path.iterdir())


def test_a_full_disk_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("spellock.artefacts.os.fsync", full)
    with pytest.raises(StorageError, match="No space left"):
        write(tmp_path / "c", every_kind())
    assert not list(tmp_path.iterdir())


def test_names_come_once_and_types_are_known() -> None:
    entry = TensorEntry(name="a", dtype="F32", shape=())
    with pytest.raises(ModelError, match="twice"):
        Header.of([entry, entry])
    with pytest.raises(ModelError, match="__metadata__"):
        TensorEntry(name="__metadata__", dtype="F32", shape=())
    with pytest.raises(ModelError, match="cannot hold"):
        describe(torch.zeros(1, dtype=torch.complex128))
    with pytest.raises(ModelError, match="no tensors of element type F6_E2M3"):
        tensor_from(bytearray(3), "F6_E2M3", (4,))
