"""What the design promises: imports go one way, and nothing is said twice or left undocumented."""

import ast
import re
import subprocess
from pathlib import Path

import pytest

import ffhq_wrinkle
from ffhq_wrinkle import demographics, segmentation

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "ffhq_wrinkle"
# In the order data moves, as the packages' docstrings give it.
ORDER = re.findall(r"`(\w+)`", ffhq_wrinkle.__doc__)
SUBPACKAGES = {
    module.__name__.rpartition(".")[2]: re.findall(r"`(\w+)`", module.__doc__)
    for module in (demographics, segmentation)
}


COMMANDS = sorted(path.stem for path in (PACKAGE / "commands").glob("*.py"))


def imported(path, level=1):
    """Modules of the package so many folders up that a file imports, anywhere in it."""
    tree = ast.parse((PACKAGE / path).read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.level == level:
            yield from [node.module] if node.module else [alias.name for alias in node.names]


@pytest.mark.parametrize(("folder", "order"), [(".", ORDER), *SUBPACKAGES.items()])
def test_the_docstring_names_every_module(folder, order):
    assert set(order) == {path.stem for path in (PACKAGE / folder).glob("*.py")} - {"__init__"}


@pytest.mark.parametrize("module", ORDER)
def test_data_flows_one_way(module):
    earlier = {*ORDER[: ORDER.index(module)], "__version__"}
    allowed = earlier | {"commands"} if module == "cli" else earlier
    assert set(imported(f"{module}.py")) <= allowed


@pytest.mark.parametrize(
    ("folder", "module"),
    [(folder, module) for folder, order in SUBPACKAGES.items() for module in order],
)
def test_data_flows_one_way_within_a_subpackage(folder, module):
    path, order = f"{folder}/{module}.py", SUBPACKAGES[folder]
    assert set(imported(path)) <= set(order[: order.index(module)])
    assert set(imported(path, level=2)) <= {*ORDER, "__version__"} - {"cli"}


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_call_the_library_and_share_options_only(command):
    modules = {name.split(".")[0] for name in imported(f"commands/{command}.py", level=2)}
    assert modules <= {*ORDER, *SUBPACKAGES} - {"cli"}
    if command != "__init__":
        assert set(imported(f"commands/{command}.py")) <= {
            "options",
            "annotation_options",
            "label_options",
            "parser_options",
        }


@pytest.fixture(scope="module")
def tracked():
    """Paths of the files that git tracks."""
    if not (ROOT / ".git").exists():
        pytest.skip("this is no git checkout")
    listed = subprocess.check_output(["git", "ls-files", "-z"], cwd=ROOT, text=True)
    return [Path(name) for name in listed.split("\0") if name]


def test_there_is_nothing_else_at_the_top_level(tracked):
    files = {"pyproject.toml", "README.md", "LICENSE", "CONTRIBUTING.md", "CHANGELOG.md"}
    folders = {"ffhq_wrinkle", "manifests", "tools", "tests", "docs", "segmentation", ".ci"}
    expected = files | folders | {"Makefile", ".gitignore"}
    assert {path.parts[0] for path in tracked} == expected


def test_no_photograph_is_in_the_repository_but_the_astronaut(tracked):
    kinds = {".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".bmp", ".gif", ".npy", ".pth"}
    pictures = {str(path) for path in tracked if path.suffix.lower() in kinds}
    assert pictures == {"docs/astronaut.jpg", "docs/augmentation.jpg"}


def test_the_version_is_in_the_changelog():
    assert f"## {ffhq_wrinkle.__version__}" in (ROOT / "CHANGELOG.md").read_text()
