"""The names that `import ffhq_wrinkle` promises."""

import ast
import inspect
import subprocess
import sys
from importlib import import_module

import click
import pytest

import ffhq_wrinkle as fw
from ffhq_wrinkle.cli import main
from tests.helpers import ROOT

PACKAGE = ROOT / "ffhq_wrinkle"
STUB = ast.parse((PACKAGE / "__init__.pyi").read_text())


def test_importing_the_package_loads_no_library():
    code = "import sys, ffhq_wrinkle; print(sorted(sys.modules))"
    listed = subprocess.check_output([sys.executable, "-c", code], text=True)
    loaded = {name.split(".")[0] for name in ast.literal_eval(listed)}
    assert not loaded & {"numpy", "cv2", "torch", "pandas", "PIL", "scipy", "click"}


def test_the_promised_names_are_about_twenty_and_can_be_used():
    assert 18 <= len(fw.__all__) <= 26
    for name in fw.__all__:
        assert getattr(fw, name) is not None
        assert name in dir(fw)


def test_the_stub_promises_the_same_names_from_the_same_modules():
    (names,) = (
        ast.literal_eval(node.value)
        for node in STUB.body
        if isinstance(node, ast.Assign) and node.targets[0].id == "__all__"
    )
    assert sorted(names) == sorted(fw.__all__)
    for node in STUB.body:
        if isinstance(node, ast.ImportFrom):
            for alias in node.names:
                module = import_module(f"ffhq_wrinkle.{node.module}")
                assert getattr(module, alias.name) is getattr(fw, alias.name)


def test_a_promised_name_is_not_hidden_by_a_package():
    packages = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    assert not packages & set(fw.__all__)


def test_an_unknown_name_is_named():
    with pytest.raises(AttributeError, match="'ffhq_wrinkle' has no attribute 'weak_msk'"):
        fw.weak_msk  # noqa: B018


def test_every_promised_name_is_on_the_page():
    page = (ROOT / "docs" / "python.md").read_text()
    for name in fw.__all__:
        assert f"`{name}`" in page or name == "__version__", name


# Options that a function has under another name, or not: ids from a file, what is printed, and
# fields of a recipe, which are one argument.
RENAMED = {
    "parser_name": "parser", "source_text": "source", "compile_model": "compile", "ids_text": "ids",
    "set_texts": "sets", "excluded_texts": "exclude", "by_text": "by", "draws": "n",
    "format_name": "format", "licence_text": "licences",
}  # fmt: skip
LEFT_OUT = {"version", "verbose", "quiet", "ids_file", "as_json", "other", "resume"}


@pytest.mark.parametrize(("command", "function"), [
    ("agreement", "agreement"),
    ("build-weak", "build_weak"),
    ("compare", "compare_runs"),
    ("demographics", "composition"),
    ("download", "download"),
    ("evaluate", "evaluate"),
    ("export", "export"),
    ("export-labels", "export_labels"),
    ("fuse-labels", "fuse_labels"),
    ("import-labels", "import_labels"),
    ("predict", "predict"),
    ("review", "review"),
    ("sample", "sample"),
    ("train", "train"),
])  # fmt: skip
def test_each_command_has_a_function_with_its_options_and_defaults(command, function):
    arguments = inspect.signature(getattr(fw, function)).parameters
    context = click.Context(main.commands[command])
    for option in main.commands[command].params:
        name = RENAMED.get(option.name, option.name)
        if name in LEFT_OUT or ("options" in arguments and name not in arguments):
            continue
        assert name in arguments
        said, default = option.get_default(context), arguments[name].default
        if name != "parser" and default not in (inspect.Parameter.empty, None, ()):
            assert said == default or (said is None and default is False), name
