"""Completion in shells, as docs/install.md sets it up."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from click.shell_completion import ShellComplete

from ffhq_wrinkle.cli import main
from tests.helpers import ROOT
from tests.helpers.processes import COMMAND

PAGE = (ROOT / "docs" / "install.md").read_text()
FOLDER = str(Path(COMMAND[0]).parent)
NEEDS_BASH = pytest.mark.skipif(not shutil.which("bash"), reason="bash is not installed")


def completed(*arguments):
    """What Tab offers behind these arguments, of which the last is not complete."""
    *before, last = arguments
    shell = ShellComplete(main, {}, "ffhq-wrinkle", "_FFHQ_WRINKLE_COMPLETE")
    return [(item.type, item.value) for item in shell.get_completions(before, last)]


def words(*arguments):
    return [value for kind, value in completed(*arguments) if kind == "plain"]


def test_commands_and_options_are_completed():
    assert words("bu") == ["build-weak"]
    assert set(words("")) == set(main.commands)
    assert words("train", "--prec") == ["--precision"]
    assert words("fuse-labels", "--method", "in") == ["intersection"]


@pytest.mark.parametrize(
    "arguments",
    [
        ["build-weak"], ["build-weak", "images"], ["predict"], ["demographics"], ["evaluate"],
        ["agreement"], ["fuse-labels", "anna"], ["build-weak", "--save-labels"],
        ["demographics", "--out"],
    ],
    ids=" ".join,
)  # fmt: skip
def test_folders_are_left_to_the_shell(arguments):
    assert completed(*arguments, "pho") == [("dir", "pho")]


@pytest.mark.parametrize("command", ["predict", "export"])
def test_a_checkpoint_is_a_file(command):
    assert completed(command, "--checkpoint", "runs/") == [("file", "runs/")]


@NEEDS_BASH
def test_the_line_of_the_docs_sets_bash_up(tmp_path):
    (line,) = re.findall(r"`(eval [^`]*_FFHQ_WRINKLE_COMPLETE=bash_source[^`]*)`", PAGE)
    code = f"{line}\ncomplete -p ffhq-wrinkle"
    environment = {**os.environ, "PATH": f"{FOLDER}{os.pathsep}{os.environ['PATH']}"}
    said = subprocess.run(
        ["bash", "--norc", "-euc", code], capture_output=True, text=True, env=environment
    )
    assert (said.returncode, said.stderr) == (0, "")
    assert said.stdout.startswith("complete ")
    assert "-F _ffhq_wrinkle_completion ffhq-wrinkle" in said.stdout


@pytest.mark.parametrize(
    ("shell", "registers"),
    [
        ("bash", "complete -o nosort -F _ffhq_wrinkle_completion ffhq-wrinkle"),
        ("zsh", "compdef _ffhq_wrinkle_completion ffhq-wrinkle"),
        ("fish", "complete --no-files --command ffhq-wrinkle"),
    ],
)
def test_each_shell_of_the_docs_gets_a_script(shell, registers):
    assert f"{shell}_source" in PAGE
    environment = {**os.environ, "_FFHQ_WRINKLE_COMPLETE": f"{shell}_source"}
    said = subprocess.run([*COMMAND], capture_output=True, text=True, env=environment)
    assert said.returncode == 0
    assert registers in said.stdout
