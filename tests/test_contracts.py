"""What the design promises: imports go one way, and nothing is said twice or left undocumented."""

import ast
import re
import subprocess
from importlib import import_module
from pathlib import Path

import pytest

import ffhq_wrinkle
from ffhq_wrinkle import segmentation

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "ffhq_wrinkle"
# In the order data moves, as the packages' docstrings give it.
ORDER = re.findall(r"`(\w+)`", ffhq_wrinkle.__doc__)
PACKAGES = ("human_labels", "downloads", "demographics", "segmentation")
WITHIN = [
    *PACKAGES,
    *(f"segmentation/{part}" for part in re.findall(r"`(\w+)`", segmentation.__doc__)),
]
ORDERS = {".": ORDER} | {
    folder: re.findall(
        r"`(\w+)`", import_module(f"ffhq_wrinkle.{folder.replace('/', '.')}").__doc__
    )
    for folder in WITHIN
}
COMMANDS = sorted(path.stem for path in (PACKAGE / "commands").glob("*.py"))


def imported(path, level=1):
    """Modules of the package so many folders up that a file imports, anywhere in it."""
    tree = ast.parse((PACKAGE / path).read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.level == level:
            yield from [node.module] if node.module else [alias.name for alias in node.names]


@pytest.mark.parametrize(("folder", "order"), ORDERS.items())
def test_the_docstring_names_every_module(folder, order):
    modules = {path.stem for path in (PACKAGE / folder).glob("*.py")} - {"__init__"}
    packages = {path.parent.name for path in (PACKAGE / folder).glob("*/__init__.py")}
    assert set(order) == modules | packages - {"commands"}


@pytest.mark.parametrize("module", [name for name in ORDER if name not in PACKAGES])
def test_data_flows_one_way(module):
    earlier = {*ORDER[: ORDER.index(module)], "__version__"}
    allowed = earlier | {"commands"} if module == "cli" else earlier
    assert set(imported(f"{module}.py")) <= allowed


@pytest.mark.parametrize(
    ("folder", "module"),
    [
        (folder, name)
        for folder in WITHIN
        for name in ORDERS[folder]
        if (PACKAGE / folder / f"{name}.py").is_file()
    ],
)
def test_data_flows_one_way_within_a_package(folder, module):
    path = Path(folder, f"{module}.py")
    for level, around in enumerate(list(path.parents)[:-1], start=1):
        order = ORDERS[str(around)]
        at = path.relative_to(around).parts[0].removesuffix(".py")
        names = {name.split(".")[0] for name in imported(path, level)}
        assert names <= set(order[: order.index(at)])
    around = {name.split(".")[0] for name in imported(path, len(path.parts))}
    assert around <= {*ORDER[: ORDER.index(path.parts[0])], "__version__"}


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_call_the_library_and_share_options_only(command):
    modules = {name.split(".")[0] for name in imported(f"commands/{command}.py", level=2)}
    assert modules <= {*ORDER} - {"cli"}
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
