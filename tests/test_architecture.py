"""Three floors, one direction: who may import whom, read from the sources."""

import ast
import importlib.metadata
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
LONGEST_PAGE, LONGEST_FILE = 100, 300  # lines
CACHE_HOMES = {"cache.py"}
STATE_HOME = "state.py"


def sources(*folders: str) -> list[Path]:
    return sorted(file for folder in folders for file in (ROOT / folder).rglob("*.py"))


def named(file: Path) -> str:
    return str(file.relative_to(ROOT))


@cache
def parse(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"))


@cache
def names_of_dependencies() -> set[str]:
    """What requirements.txt names, and the modules that these packages have."""
    needed = re.findall(r"^[A-Za-z0-9_-]+", (ROOT / "requirements.txt").read_text(encoding="utf-8"), re.MULTILINE)
    packages = importlib.metadata.packages_distributions().items()
    return {*needed, *(top for top, owners in packages if set(owners) & set(needed))}


def imports(file: Path) -> Iterator[str]:
    """The full name of every module, and of everything taken from a module, that the file imports anywhere."""
    for node in ast.walk(parse(file)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            package = file.relative_to(ROOT).with_suffix("").parts[: -node.level or None] if node.level else ()
            module = ".".join((*package, *filter(None, [node.module])))
            yield module
            yield from (f"{module}.{alias.name}" for alias in node.names)


def imported_roots(file: Path) -> set[str]:
    return {name.split(".")[0] for name in imports(file)}


def attributes(file: Path) -> set[str]:
    tree = parse(file)
    return {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)} | {
        name.rpartition(".")[2] for name in imports(file)
    }


@pytest.mark.parametrize("file", sources("gpt"), ids=named)
def test_gpt_knows_no_app(file):
    assert not imported_roots(file) & {"explorer", "pages", "streamlit", "plotly"}


def draws(file: Path) -> bool:
    """Whether this file draws figures: all in explorer/figures/, and a feature's own `figures.py`."""
    return file.parent.name == "figures" or file.stem.endswith("figures")


@pytest.mark.parametrize("file", [*filter(draws, sources("explorer"))], ids=named)
def test_figures_are_pure(file):
    assert not imported_roots(file) & {"streamlit", "torch", "gpt", "pages"}
    assert all(name.startswith("explorer.figures") for name in imports(file) if name.startswith("explorer"))


@pytest.mark.parametrize("file", sources("gpt", "explorer", "pages", "tests"), ids=named)
def test_pages_are_never_imported(file):
    assert "pages" not in imported_roots(file)


@pytest.mark.parametrize("file", sources("explorer", "pages"), ids=named)
def test_caches_have_a_home(file):
    assert file.name in CACHE_HOMES or not attributes(file) & {"cache_data", "cache_resource"}


@pytest.mark.parametrize("file", sources("explorer", "pages"), ids=named)
def test_the_session_and_the_url_have_one_home(file):
    assert file.name == STATE_HOME or not attributes(file) & {"session_state", "query_params"}


@pytest.mark.parametrize("file", sources("explorer", "pages"), ids=named)
def test_fragments_have_one_home(file):
    """A fragment within another makes Streamlit's messages arrive without their place."""
    tree = parse(file)
    used = [node for node in ast.walk(tree) if isinstance(node, ast.Attribute) and node.attr == "fragment"]
    assert file.name == "fragment.py" or not [node for node in used if getattr(node.value, "id", "") == "st"]


@pytest.mark.parametrize("file", sources("gpt", "explorer", "tests"), ids=named)
def test_files_are_short(file):
    assert len(file.read_text(encoding="utf-8").splitlines()) <= LONGEST_FILE


@pytest.mark.parametrize("file", sources("pages"), ids=named)
def test_pages_are_thin(file):
    tree = parse(file)
    assert len(file.read_text(encoding="utf-8").splitlines()) <= LONGEST_PAGE
    assert "torch" not in imported_roots(file)
    assert not any(isinstance(node, ast.ClassDef) for node in ast.walk(tree))


@pytest.mark.parametrize("file", sources("explorer", "pages"), ids=named)
def test_no_raw_html_and_no_pickle(file):
    called = {word.arg for word in ast.walk(parse(file)) if isinstance(word, ast.keyword)}
    assert not called & {"unsafe_allow_html", "unsafe_allow_javascript"}
    assert not imported_roots(file) & {"pickle", "shelve", "marshal", "dill", "joblib"}


@pytest.mark.parametrize("file", sources("explorer"), ids=named)
def test_no_module_shadows_a_dependency(file):
    """Streamlit puts explorer/ itself on the path, so explorer/plotly.py would be imported as `plotly`."""
    top = file.relative_to(ROOT / "explorer").parts[0].removesuffix(".py")
    assert top not in {"gpt", "pages", *names_of_dependencies()}


@pytest.mark.parametrize("name", ["app.py", "navigation.py", "state.py", "opened.py", "shared/widgets.py"])
def test_the_shell_is_drawn_before_torch_is_imported(name):
    """Its modules import torch and gpt inside functions only."""
    tree = ast.parse((ROOT / "explorer" / name).read_text(encoding="utf-8"))
    for node in tree.body:
        if isinstance(node, ast.Import):
            assert not {alias.name.split(".")[0] for alias in node.names} & {"torch", "gpt"}
        elif isinstance(node, ast.ImportFrom):
            assert (node.module or "").split(".")[0] not in {"torch", "gpt"}


@pytest.mark.parametrize("file", ["requirements.txt", "tests/requirements.txt"])
def test_every_requirement_has_a_pinned_version(file):
    """`make lock` renews constraints.txt after a requirement changes."""
    lines = [
        Requirement(line)
        for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
        if line[0] != "#"
    ]
    pinned = {(canonicalize_name(line.name), next(iter(line.specifier)).version) for line in lines}
    for line in (ROOT / file).read_text(encoding="utf-8").splitlines():
        if not line.startswith("-r"):
            needed = Requirement(line)
            versions = [version for name, version in pinned if name == canonicalize_name(needed.name)]
            assert versions and all(version in needed.specifier for version in versions), line
