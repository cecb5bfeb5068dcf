"""Candidates: the paper's tables, sorted by the data's own classes, hybrids, strings, and the owner's file."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spellock.editors.vocabulary import IRRELEVANT_OBJECTS, RELEVANT_OBJECTS, object_prompt, style_prompts
from spellock.errors import ConfigError, EditorError
from spellock.prompts.candidate import Candidate, read_prompts, readable, without_repeats
from spellock.prompts.hierarchy import HIERARCHY, Kinship, kinship, place_of, unnamed
from spellock.prompts.offline import OfflineConfig, offline_candidates, sorted_objects

PETS = ("Abyssinian", "beagle", "Maine_Coon", "n02099601 golden_retriever")


def test_ninety_five_candidates_by_default() -> None:
    proposed = offline_candidates(("tumour", "stroma"), OfflineConfig(), random.Random(0))
    prompts = [one.prompt for one in proposed.candidates]
    assert len(prompts) == len(set(prompts)) == 95
    assert set(style_prompts()) <= set(prompts)
    assert prompts[0] in style_prompts()
    assert {object_prompt(name) for name in IRRELEVANT_OBJECTS + RELEVANT_OBJECTS} <= set(prompts)
    assert "2 of 2 class names" in proposed.notes[0]


def test_hybrids_hold_a_style_an_object_and_a_tail_and_differ_by_draw() -> None:
    config = OfflineConfig(tables=False, hybrids=6, meaningless=2)
    one, two = (offline_candidates(PETS, config, random.Random(seed)).candidates for seed in (1, 2))
    assert {c.prompt for c in one}.isdisjoint(c.prompt for c in two)
    far = {name for name, kin in sorted_objects(PETS)[0] if kin < Kinship.BROAD}
    for candidate in one[:6]:
        assert candidate.kind == "hybrid"
        style = next(style for style in style_prompts() if candidate.prompt.startswith(style))
        rest = candidate.prompt.removeprefix(style).split(" ")
        assert " ".join(rest[2:-4]) in far  # "with NAME in the background TAIL"
        assert len(rest[-1]) == 6
    assert [len(candidate.prompt) for candidate in one[6:]] == [13, 13]


def test_objects_of_the_classes_are_dropped_and_their_kin_comes_last() -> None:
    kept, notes = sorted_objects(("lion", "tabby cat", "analog clock"))
    names = [name for name, _ in kept]
    assert "lion" not in names
    assert "analog clock" not in names
    assert not notes
    degrees = [kin for _, kin in kept]
    assert degrees == sorted(degrees)
    assert {"tiger", "cheetah", "digital clock", "electric fan"} == {name for name, kin in kept if kin == Kinship.FINE}


@pytest.mark.parametrize(
    ("thing", "classes", "expected"),
    [
        ("koala", PETS, Kinship.BROAD),
        ("tiger", PETS, Kinship.FINE),
        ("baseball", PETS, Kinship.FAR),
        ("fire engine", ("car", "zebra"), Kinship.FINE),
        ("zebra", ("Zebras",), Kinship.SAME),
        ("great white shark", ("shark",), Kinship.SAME),
        ("bow tie", ("tie",), Kinship.SAME),
        ("abacus", ("xylograph",), Kinship.UNKNOWN),
        ("abacus", ("7", "8"), Kinship.UNKNOWN),
    ],
)
def test_kinship(thing: str, classes: tuple[str, ...], expected: Kinship) -> None:
    assert kinship(thing, classes) == expected


def test_the_hierarchy_knows_every_object_of_the_paper_and_no_word_twice() -> None:
    assert [name for name in IRRELEVANT_OBJECTS + RELEVANT_OBJECTS if place_of(name) is None] == []
    words = [word for groups in HIERARCHY.values() for listed in groups.values() for word in listed.split(", ")]
    assert len(words) == len(set(words))
    for broad, groups in HIERARCHY.items():
        for fine, listed in groups.items():
            assert {place_of(word) for word in listed.split(", ")} == {(broad, fine)}
    assert [place_of(name) for name in ("Buses", "puppies", "boxes of peaches")] == [
        ("made", "vehicle"),
        ("living", "dog"),
        None,
    ]


@pytest.mark.parametrize("classes", [("0", "1"), ("00001", "00042"), ("a", "b")])
def test_classes_without_names_are_said(classes: tuple[str, ...]) -> None:
    assert unnamed(classes)
    assert "no names" in offline_candidates(classes, OfflineConfig(), random.Random(0)).notes[0]
    assert not unnamed(("cat", "1"))


@given(st.lists(st.sampled_from(["a b", "A  b", "c", "C ", "d"]), max_size=6))
def test_repeats_differ_in_more_than_case(prompts: list[str]) -> None:
    made = [Candidate(prompt=" ".join(prompt.split()), kind="given") for prompt in prompts]
    kept = [one.prompt.casefold() for one in without_repeats(made)]
    assert kept == list(dict.fromkeys(" ".join(prompt.casefold().split()) for prompt in prompts))


def test_a_candidate_does_not_show_its_prompt() -> None:
    assert "pastel" not in repr(Candidate(prompt="with oil pastel", kind="given"))
    for prompt in ("", "  ", " x", "a  b"):
        with pytest.raises(ConfigError, match="candidate prompt"):
            Candidate(prompt=prompt, kind="given")
    with pytest.raises(ConfigError, match="kind"):
        Candidate(prompt="x", kind="other")
    with pytest.raises(ConfigError, match="hybrids is -1"):
        OfflineConfig(hybrids=-1)


def test_the_owners_file(tmp_path: Path) -> None:
    file = tmp_path / "prompts.txt"
    file.write_text("with  crayon\nas a mosaic\n")
    assert [one.prompt for one in read_prompts(file)] == ["with crayon", "as a mosaic"]
    file.write_text("\ufeffwith crayon\n", encoding="utf-8")
    assert [one.prompt for one in read_prompts(file)] == ["with crayon"], "a byte order mark is no part of a prompt"
    for text, says in (("", "empty"), ("x\n\ny", "line 2 .* is empty"), ("Dot\nx\ndot ", "line 3 .* repeats line 1")):
        file.write_text(text)
        with pytest.raises(ConfigError, match=says) as caught:
            read_prompts(file)
        assert "Dot" not in str(caught.value)
    file.write_bytes(b"\xff\xfe\xff")
    with pytest.raises(ConfigError, match="UTF-8"):
        read_prompts(file)
    with pytest.raises(ConfigError, match="cannot read"):
        read_prompts(tmp_path / "none")


def test_prompts_that_the_encoder_cuts_are_left_out_but_for_the_owners_own() -> None:
    def check(prompt: str) -> None:
        if len(prompt) > 5:
            raise EditorError("the key prompt has too many tokens")

    short, long = Candidate(prompt="short", kind="object"), Candidate(prompt="longer", kind="object")
    kept, notes = readable([short, long], check)
    assert kept == (short,)
    assert notes[0].startswith("1 proposed")
    assert readable([short], check) == ((short,), ())
    with pytest.raises(EditorError, match="too many"):
        readable([Candidate(prompt="longer", kind="given")], check)
