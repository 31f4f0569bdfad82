"""Contracts of the design: imports go one way, and every file is where it belongs."""

import ast
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import ffhq_wrinkle
from tests.helpers import ROOT

PACKAGE = ROOT / "ffhq_wrinkle"
COMMANDS = sorted(path.stem for path in (PACKAGE / "commands").glob("*.py"))
SHARED = {"options", "annotation_options", "label_options", "parser_options"}
SETTINGS = tomllib.loads((ROOT / "pyproject.toml").read_text())


def test_imports_follow_the_layers_of_pyproject_toml():
    command = [Path(sys.executable).with_name("lint-imports"), "--no-cache"]
    checked = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout


def test_every_package_is_installed():
    made = {f"ffhq_wrinkle.{name}" for name in ("recipes", "manifests")}
    made |= {".".join(path.parent.relative_to(ROOT).parts) for path in PACKAGE.rglob("__init__.py")}
    assert set(SETTINGS["tool"]["setuptools"]["packages"]) == made


def test_few_modules_stand_beside_the_packages():
    modules = {path.stem for path in PACKAGE.glob("*.py")}
    assert modules == {"__init__", "__main__", "cli", "errors"}


@pytest.mark.parametrize("command", [name for name in COMMANDS if name != "__init__"])
def test_commands_do_not_import_each_other(command):
    tree = ast.parse((PACKAGE / "commands" / f"{command}.py").read_text())
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    assert {node.module for node in imports if node.level == 1} <= SHARED


@pytest.fixture(scope="module")
def tracked():
    """Paths of the files that git tracks."""
    if not (ROOT / ".git").exists():
        pytest.skip("this is not a git checkout")
    listed = subprocess.check_output(["git", "ls-files", "-z"], cwd=ROOT, text=True)
    return [Path(name) for name in listed.split("\0") if name]


def test_nothing_else_is_at_the_top_level(tracked):
    files = {"pyproject.toml", "README.md", "LICENSE", "CONTRIBUTING.md", "CHANGELOG.md"}
    files |= {"CITATION.cff", "Dockerfile", ".dockerignore"}
    folders = {
        *("ffhq_wrinkle", "manifests", "tools", "tests", "docs", "segmentation", "findings", ".ci")
    }
    expected = files | folders | {"Makefile", ".gitignore"}
    assert {path.parts[0] for path in tracked} == expected


def test_the_astronaut_is_the_only_photograph_in_the_repository(tracked):
    kinds = {".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".bmp", ".gif", ".npy", ".pth"}
    pictures = {str(path) for path in tracked if path.suffix.lower() in kinds}
    assert pictures == {
        f"docs/{name}.jpg"
        for name in (
            "annotating",
            "astronaut",
            "augmentation",
            "demo",
            "regions",
            "review",
            "review_drawing",
        )
    }


def test_the_version_is_in_the_changelog():
    assert f"## {ffhq_wrinkle.__version__}" in (ROOT / "CHANGELOG.md").read_text()
