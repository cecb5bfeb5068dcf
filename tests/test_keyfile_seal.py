"""Key files of another kind than spells: the same care, and no file taken for another."""

from __future__ import annotations

from pathlib import Path

import pytest

from spellock.errors import ConfigError, KeyFileError
from spellock.keyfile_format import SPELL, Kind
from spellock.keyfile_seal import read_key_file, seal, unseal

from .keyfile_samples import CHEAP, PASSPHRASE, refuse, save, with_fields

OTHER = Kind(format="spellock-other-key", made_with="spellock other new")


@pytest.mark.parametrize("plain", [False, True])
def test_a_payload_comes_back(plain: bool) -> None:
    passphrase = None if plain else PASSPHRASE
    data = seal(b"payload", passphrase, plain=plain, cost=None if plain else CHEAP, kind=OTHER)
    assert unseal(data, passphrase, name="k", kind=OTHER) == b"payload"
    assert b'"spellock-other-key"' in data
    with pytest.raises(KeyFileError, match="spellock key new"):
        unseal(data, passphrase, name="k", kind=SPELL)


def test_a_spell_is_not_taken_for_another_kind(tmp_path: Path) -> None:
    data = read_key_file(save(tmp_path / "k"), kind=OTHER)
    with pytest.raises(KeyFileError, match="spellock other new"):
        unseal(data, PASSPHRASE, name="k", kind=OTHER)


def test_a_file_that_was_given_another_kind_does_not_open(tmp_path: Path) -> None:
    """The kind is authenticated: a rewritten one, under a right checksum, is noticed by the cipher."""
    path = tmp_path / "k"
    path.write_bytes(seal(b"payload", PASSPHRASE, plain=False, cost=CHEAP, kind=OTHER))
    with_fields(path, format=SPELL.format)
    assert "altered although" in refuse(path)


def test_contradictions_are_refused() -> None:
    with pytest.raises(ConfigError, match="drop the one or the other"):
        seal(b"", PASSPHRASE, plain=True, cost=None, kind=OTHER)
    for passphrase, cost in ((None, CHEAP), (PASSPHRASE, None)):
        with pytest.raises(ConfigError, match="got no passphrase"):
            seal(b"", passphrase, plain=False, cost=cost, kind=OTHER)
    with pytest.raises(ConfigError, match="expected at most"):
        seal(bytes(70_000), None, plain=True, cost=None, kind=OTHER)
