"""Laws of things by name, whatever the things are."""

from __future__ import annotations

import difflib
import fnmatch
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spellock.errors import ConfigError
from spellock.named import Named, near_names
from spellock.named_classes import NamedClasses

NAMES = st.text("abcdef-", min_size=1, max_size=8)
MANY = st.sets(NAMES, min_size=1, max_size=12)


def numbered(names: set[str], kind: str = "fill") -> Named[int]:
    made: Named[int] = Named(kind)
    for number, name in enumerate(sorted(names, reverse=True)):
        made.add(name, number)
    return made


@given(MANY)
def test_what_was_added_is_found_under_its_name(names: set[str]) -> None:
    made = numbered(names)
    assert [made[name] for name in sorted(names, reverse=True)] == list(range(len(names)))
    assert list(made) == made.names() == sorted(names)
    assert len(made) == len(names)
    assert all(name in made for name in names)


@given(MANY, st.sampled_from(["*", "a*", "*-*", "?", "[a-c]*", "f"]))
def test_a_pattern_chooses_names(names: set[str], pattern: str) -> None:
    assert numbered(names).names(pattern) == [name for name in sorted(names) if fnmatch.fnmatchcase(name, pattern)]


@given(MANY, st.data())
def test_a_name_is_given_once(names: set[str], data: st.DataObject) -> None:
    made, name = numbered(names), data.draw(st.sampled_from(sorted(names)))
    before = made[name]
    with pytest.raises(ConfigError, match=rf"^a fill named '{name}' is registered already; choose another name$"):
        made.add(name, -1)
    assert made[name] == before


@given(NAMES)
def test_the_decorator_adds_and_changes_nothing(name: str) -> None:
    made: Named[object] = Named("tool")

    @made.register(name)
    class Tool:
        pass

    assert made[name] is Tool
    assert Tool.__name__ == "Tool"


@given(MANY, NAMES)
def test_an_unknown_name_is_answered_with_near_ones(names: set[str], asked: str) -> None:
    names -= {asked}
    made = numbered(names)
    assert asked not in made
    with pytest.raises(ConfigError) as caught:
        made[asked]
    told = str(caught.value).removeprefix(f"there is no fill {asked!r}; did you mean ").removesuffix("?").split(" or ")
    ratios = {name: difflib.SequenceMatcher(None, name, asked).ratio() for name in names}
    # SequenceMatcher is not symmetric: the asked name is its second sequence, as in get_close_matches.
    near = sorted((name for name in names if ratios[name] >= 0.4), key=lambda name: (ratios[name], name))[::-1][:3]
    assert near_names(asked, names) == near
    assert told == (near or sorted(names) or [""])


def test_the_article_fits_the_kind() -> None:
    for kind, article in (("attack", "an"), ("objective", "an"), ("lock target", "a")):
        with pytest.raises(ConfigError, match=f"^{article} {kind} named 'a'"):
            numbered({"a"}, kind).add("a", 1)


@pytest.fixture
def room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A package of files that register themselves, and that says which of them were read."""
    folder = tmp_path / "some_room"
    folder.mkdir()
    (folder / "__init__.py").write_text(
        "from spellock.named import Named\nTHINGS = Named('thing', room='some_room')\nREAD = []\n"
    )
    for name in ("one", "two", "thirty-three"):
        (folder / f"{name.replace('-', '_')}.py").write_text(
            f"from some_room import READ, THINGS\nREAD.append('{name}')\nTHINGS.add('{name}', '{name}')\n"
        )
    monkeypatch.syspath_prepend(str(tmp_path))
    yield "some_room"
    for module in [name for name in sys.modules if name.partition(".")[0] == "some_room"]:
        del sys.modules[module]


def test_a_rooms_file_is_read_when_its_name_is_first_wanted(room: str) -> None:
    package = __import__(room)
    assert not package.READ
    assert package.THINGS["two"] == "two"
    assert package.READ == ["two"], "a name costs the import of one file"
    assert "thirty-three" in package.THINGS
    assert package.READ == ["two", "thirty-three"]
    assert package.THINGS.names() == sorted(package.READ) == ["one", "thirty-three", "two"]


@pytest.mark.parametrize("name", ["four", "one.two", "../one", "", "os", 2])
def test_a_name_that_no_file_has_is_looked_for_in_all(room: str, name: object) -> None:
    package = __import__(room)
    assert name not in package.THINGS
    assert sorted(package.READ) == ["one", "thirty-three", "two"]


def test_a_room_that_could_not_be_read_is_tried_again(room: str, tmp_path: Path) -> None:
    broken = tmp_path / room / "zero.py"
    broken.write_text("raise OSError('the disk is away')")
    package = __import__(room)
    with pytest.raises(OSError, match="the disk is away"):
        package.THINGS.names()
    broken.unlink()
    assert package.THINGS.names() == ["one", "thirty-three", "two"]


class Tool:
    """What the classes of these tests make."""


@dataclass(frozen=True)
class Hammer(Tool):
    weight: float = 1.0
    nails: int = 10
    loud: bool = True
    colour: str = "red"


@dataclass(frozen=True)
class Bare(Tool):
    pass


class Undeclared(Hammer):
    length: int = 3


@pytest.fixture
def tools() -> NamedClasses[Tool]:
    made: NamedClasses[Tool] = NamedClasses("tool")
    made.add("hammer", Hammer)
    made.add("bare", Bare)
    return made


def test_options_are_fields(tools: NamedClasses[Tool]) -> None:
    assert tools.options("hammer") == ["weight", "nails", "loud", "colour"]
    assert tools.options("bare") == []
    assert tools.unknown("hammer", ["nails", "wood", "iron"]) == ["iron", "wood"]
    assert tools.make("hammer") == Hammer()
    assert tools.make("hammer", {"weight": 2, "loud": False, "colour": ""}) == Hammer(2, 10, False, "")


@pytest.mark.parametrize(
    ("name", "options", "told"),
    [
        ("hamer", {}, "there is no tool 'hamer'; did you mean hammer or bare?"),
        ("hammer", {"nail": 1}, "tool 'hammer' has no option 'nail'; it has weight, nails, loud, colour"),
        ("bare", {"nail": 1}, "tool 'bare' has no option 'nail'; it has none"),
        ("hammer", {"nails": "1"}, "option nails of tool 'hammer' is a str, expected int"),
        ("hammer", {"nails": 1.0}, "option nails of tool 'hammer' is a float, expected int"),
        ("hammer", {"nails": True}, "option nails of tool 'hammer' is a bool, expected int"),
        ("hammer", {"weight": True}, "option weight of tool 'hammer' is a bool, expected float"),
        ("hammer", {"loud": 1}, "option loud of tool 'hammer' is a int, expected bool"),
        ("hammer", {"colour": None}, "option colour of tool 'hammer' is a NoneType, expected str"),
    ],
)
def test_options_are_checked(tools: NamedClasses[Tool], name: str, options: dict[str, object], told: str) -> None:
    with pytest.raises(ConfigError) as caught:
        tools.make(name, options)  # type: ignore[arg-type]  # some are no scalars of the right kind
    assert str(caught.value) == told


def test_settings_of_several_classes(tools: NamedClasses[Tool]) -> None:
    assert tools.from_settings("hammer", {"nails": 3}) == Hammer(nails=3)
    assert tools.whose("nails") == "it belongs to hammer"
    assert tools.whose("nails", among=["bare"]) == tools.whose("wood") == "no tool has it"
    with pytest.raises(
        ConfigError, match=r"^the tool 'bare' has no option 'nails' \(it belongs to hammer\); leave it out$"
    ):
        tools.from_settings("bare", {"nails": 3})
    with pytest.raises(ConfigError, match=r"^the tool 'bare' has no option 'nails' \(no tool has it\); leave it out$"):
        tools.from_settings("bare", {"nails": 3}, among=["bare"])
    with pytest.raises(ConfigError, match=r"^there is no tool 'saw'; did you mean"):
        tools.from_settings("saw")


@pytest.mark.parametrize("kind", [Tool, Undeclared, dict, lambda: Hammer()])
def test_only_dataclasses_have_names(tools: NamedClasses[Tool], kind: type[Tool]) -> None:
    with pytest.raises(ConfigError, match=r"^the class of tool 'new' is not a dataclass; declare it as one$"):
        tools.add("new", kind)
    with pytest.raises(ConfigError, match=r"^a tool named 'bare' is registered already"):
        tools.add("bare", kind)
    assert tools.names() == ["bare", "hammer"]
