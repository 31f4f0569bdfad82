"""How tests are laid out: as the packages that they test, each on its own, none too long."""

import ast
from pathlib import Path

import pytest

from tests.helpers import ROOT

TESTS = ROOT / "tests"
FILES = sorted(path.relative_to(TESTS) for path in TESTS.rglob("*.py"))
MODULES = [path for path in FILES if path.name.startswith("test_")]
FOLDERS = sorted({path.parent for path in MODULES} - {Path()})


def modules_imported(path):
    """Full names of what a module imports; of `from a import b` both a and a.b."""
    tree = ast.parse((TESTS / path).read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            package = ["tests", *path.parent.parts][: len(path.parts) + 1 - node.level]
            parts = [*(package if node.level else []), *filter(None, [node.module])]
            yield from (".".join([*parts, alias.name]) for alias in node.names)
            yield ".".join(parts)


def test_the_tests_of_every_package_are_seen():
    assert {Path("faces"), Path("segmentation/prediction"), Path("storage")} < set(FOLDERS)
    assert {Path("test_cli.py"), Path("faces/test_labels.py")} < set(MODULES)
    assert {"tests.helpers.faces", "pytest"} < set(
        modules_imported(Path("faces/test_alignment.py"))
    )


@pytest.mark.parametrize("folder", FOLDERS, ids=str)
def test_each_folder_of_tests_is_called_as_a_package(folder):
    assert (ROOT / "ffhq_wrinkle" / folder / "__init__.py").is_file()


@pytest.mark.parametrize("path", MODULES, ids=str)
def test_no_test_module_imports_from_another_or_from_a_conftest(path):
    own = {module for module in modules_imported(path) if module.split(".")[0] == "tests"}
    others = [module for module in own if not module.startswith("tests.helpers")]
    assert others == []


@pytest.mark.parametrize("path", FILES, ids=str)
def test_no_file_of_tests_is_longer_than_400_lines(path):
    lines = (TESTS / path).read_text().count("\n")
    assert lines <= 400
