"""The house stands: rooms import downwards only, no circles, small files, no forbidden means."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from fnmatch import fnmatch
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "src" / "spellock"
MAX_LINES = 300

#: Rooms from the ground up, as in docs/architecture.md. A module of its own belongs to the room it is listed with.
FLOORS: tuple[dict[str, tuple[str, ...]], ...] = (
    {
        "foundations": (
            "errors",
            "artefacts",
            "pixels",
            "progress",
            "vision",
            "derived",
            "hidden",
            "keystream",
            "background_writer",
            "named",
            "named_classes",
        )
    },
    {"key": ("key", "keyfile", "keyfile_cipher", "keyfile_format", "keyfile_seal", "passphrase"), "data": ("data",)},
    {"editors": ("editors",), "tasks": ("tasks",), "weightlocks": ("weightlocks",)},
    {
        "prompts": ("prompts",),
        "locking": ("locking",),
        "training": ("training",),
        "editor_training": ("editor_training",),
        "unlocking": ("unlocking",),
        "attacks": ("attacks",),
    },
    {"evaluation": ("evaluation",), "ownership": ("ownership",)},
    {"recipes": ("recipes",)},
    {"cli": ("cli", "__main__")},
)
ROOM_OF = {module: room for floor in FLOORS for room, modules in floor.items() for module in modules}
FLOOR_OF = {room: height for height, floor in enumerate(FLOORS) for room in floor}

#: Of pickle itself only the exception may be named, to explain a checkpoint that is not plain weights.
FORBIDDEN_MODULES = {"cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}


def sources() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def module_name(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def imported(node: ast.AST) -> Iterator[str]:
    """Full names that ``node`` imports when the program runs, also inside functions, but not for type checkers only."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and ast.unparse(child.test).endswith("TYPE_CHECKING"):
            continue
        if isinstance(child, ast.Import):
            yield from (alias.name for alias in child.names)
        elif isinstance(child, ast.ImportFrom):
            assert child.level == 0, "imports are absolute"
            assert child.module is not None
            yield child.module
            yield from (f"{child.module}.{alias.name}" for alias in child.names)
        else:
            yield from imported(child)


def own_modules(path: Path) -> set[str]:
    """The package's modules that the file imports."""
    names = {module_name(other) for other in sources()}
    return {name for name in imported(tree(path)) if name in names and name != "spellock"}


def test_every_module_has_a_room() -> None:
    tops = {path.relative_to(PACKAGE).parts[0].removesuffix(".py") for path in sources()} - {"__init__"}
    assert tops <= ROOM_OF.keys(), f"no floor is set for {sorted(tops - ROOM_OF.keys())}"


def test_the_page_shows_every_room() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    house = page.split("## The house")[1].split("Floors,")[0]
    for path in PACKAGE.iterdir():
        if path.name != "__pycache__":
            name = f"{path.name}/" if path.is_dir() else path.name
            assert any(fnmatch(name, word) for word in house.split()), name
    floors = {int(number): cells for number, cells in re.findall(r"^\| (\d) \| (.+) \|$", page, re.MULTILINE)}
    for height, floor in enumerate(FLOORS):
        for module in (name for names in floor.values() for name in names if not name.startswith(("key", "hidden"))):
            exists = (PACKAGE / module).is_dir() or (PACKAGE / f"{module}.py").is_file()
            assert (f"`{module}`" in floors[height]) == (exists and module != "passphrase"), module


def test_rooms_import_from_lower_floors_only() -> None:
    wrong = []
    for path in sources():
        parts = module_name(path).split(".")
        if len(parts) < 2:
            continue
        here = ROOM_OF[parts[1]]
        for name in own_modules(path):
            there = ROOM_OF[name.split(".")[1]]
            if there != here and FLOOR_OF[there] >= FLOOR_OF[here]:
                wrong.append(f"{module_name(path)} imports {name}")
    assert not wrong, "\n".join(wrong)


def find_circle(graph: dict[str, set[str]]) -> list[str]:
    """A circle of the graph as a list of its nodes, empty when there is none."""
    done: set[str] = set()

    def walk(node: str, trail: list[str]) -> list[str]:
        if node in trail:
            return [*trail[trail.index(node) :], node]
        if node in done:
            return []
        for following in sorted(graph.get(node, ())):
            if circle := walk(following, [*trail, node]):
                return circle
        done.add(node)
        return []

    return next((circle for node in sorted(graph) if (circle := walk(node, []))), [])


def test_no_circles() -> None:
    assert find_circle({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == ["b", "c", "b"]
    assert not find_circle({"a": {"b", "c"}, "b": {"c"}})
    circle = find_circle({module_name(path): own_modules(path) - {module_name(path)} for path in sources()})
    assert not circle, " -> ".join(circle)


def test_files_are_small() -> None:
    long = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in sources()}
    assert not {name: lines for name, lines in long.items() if lines > MAX_LINES}


def forbidden(source: ast.Module) -> list[str]:
    """Means that a file must not use: pickles, evaluated strings, shells, checkpoints that run code."""
    found = [f"import of {name}" for name in imported(source) if name.split(".")[0] in FORBIDDEN_MODULES]
    for node in ast.walk(source):
        if isinstance(node, ast.ImportFrom) and node.module == "pickle":
            found += [f"pickle.{alias.name}" for alias in node.names if alias.name != "UnpicklingError"]
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "pickle" and node.attr != "UnpicklingError":
            found.append(f"pickle.{node.attr}")
        if not isinstance(node, ast.Call):
            continue
        called = ast.unparse(node.func)
        keywords = {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords}
        if called in ("eval", "exec", "os.system", "os.popen", "np.random.seed", "numpy.random.seed", "random.seed"):
            found.append(f"call of {called}")
        if keywords.get("shell") == "True":
            found.append("shell=True")
        if called == "torch.load" and keywords.get("weights_only") != "True":
            found.append("torch.load without weights_only=True")
        if keywords.get("trust_remote_code") == "True":
            found.append("trust_remote_code=True")
    return found


@pytest.mark.parametrize(
    "line",
    [
        "import pickle; pickle.loads(data)",
        "from pickle import load",
        "from joblib import load",
        "eval('1')",
        "subprocess.run('ls', shell=True)",
        "torch.load('x')",
        "torch.load('x', weights_only=False)",
        "np.random.seed(0)",
    ],
)
def test_the_search_for_forbidden_means_finds_them(line: str) -> None:
    assert forbidden(ast.parse(line))


def test_nothing_forbidden() -> None:
    wrong = [f"{module_name(path)}: {what}" for path in sources() for what in forbidden(tree(path))]
    assert not wrong, "\n".join(wrong)


def test_no_paths_of_one_machine() -> None:
    # Put together from pieces so that this file does not find itself.
    pattern = re.compile("|".join(["/" + "home/", "/" + "root/", "/" + "Users/", "/" + "work/", r"[A-Z]:\\" + "Users"]))
    kinds = {".py", ".md", ".toml", ".cff", ".json", ".csv", ".svg"}
    folders = [ROOT / name for name in ("src", "tests", "docs", "examples", "benchmarks", ".ci")]
    files = [path for folder in folders for path in folder.rglob("*") if path.suffix in kinds or path.name == "run"]
    files += [path for path in ROOT.iterdir() if path.suffix in kinds]
    wrong = [str(path.relative_to(ROOT)) for path in files if pattern.search(path.read_text(encoding="utf-8"))]
    assert not wrong


def third_party_at_import(node: ast.AST) -> Iterator[str]:
    """Third-party packages that a module needs to be imported at all: not inside functions, not for type checkers."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(child, ast.If) and ast.unparse(child.test).endswith("TYPE_CHECKING"):
            continue
        names = [alias.name for alias in child.names] if isinstance(child, ast.Import) else []
        names += [child.module or ""] if isinstance(child, ast.ImportFrom) else []
        yield from {name.split(".")[0] for name in names} - sys.stdlib_module_names - {"spellock"}
        yield from third_party_at_import(child)


def test_modules_need_base_dependencies_only() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    declared = {re.split(r"[<>=\[; ]", line)[0] for line in project["dependencies"]}
    packages = {{"pillow": "PIL", "scikit-learn": "sklearn"}.get(name, name) for name in declared}
    wrong = {
        f"{module_name(path)} needs {name}"
        for path in sources()
        for name in third_party_at_import(tree(path))
        if name not in packages
    }
    assert not wrong, sorted(wrong)


def test_every_module_can_be_imported() -> None:
    names = [module_name(path) for path in sources() if path.name != "__main__.py"]
    program = f"import importlib\nfor name in {names!r}:\n    importlib.import_module(name)"
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr[-2000:]


def test_the_front_door_is_whole() -> None:
    import spellock

    for name in spellock.__all__:
        assert getattr(spellock, name) is not None
    assert set(spellock.__all__) <= set(dir(spellock))
    with pytest.raises(AttributeError, match="no attribute"):
        spellock.nothing  # noqa: B018
