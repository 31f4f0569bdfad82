"""Options that the group and every command have."""

import logging

import pytest
from click.testing import CliRunner

import ffhq_wrinkle
from ffhq_wrinkle.cli import main

EVERYWHERE = [[], *([name] for name in main.commands)]


@pytest.mark.parametrize("path", EVERYWHERE, ids=" ".join)
def test_every_command_prints_the_version(path):
    result = CliRunner().invoke(main, [*path, "--version"])
    assert result.exit_code == 0
    assert result.output == f"ffhq-wrinkle, version {ffhq_wrinkle.__version__}\n"


@pytest.mark.parametrize("path", EVERYWHERE, ids=" ".join)
def test_every_command_offers_to_log_more_or_less(path):
    said = CliRunner().invoke(main, [*path, "--help"]).output
    assert "-v, --verbose" in said
    assert "-q, --quiet" in said


@pytest.mark.parametrize(("option", "level"), [
    ("-v", logging.DEBUG),
    ("--verbose", logging.DEBUG),
    ("-q", logging.WARNING),
    ("--quiet", logging.WARNING),
    (None, logging.INFO),
])  # fmt: skip
@pytest.mark.parametrize("before", [True, False])
def test_options_set_the_level_before_and_after_the_command(tmp_path, option, level, before):
    mask = tmp_path / "none"
    options = [option] if option else []
    command = ["export", str(tmp_path / "out.onnx"), "--checkpoint", str(mask)]
    arguments = [*options, *command] if before else [*command, *options]
    CliRunner().invoke(main, arguments)  # which fails, without a checkpoint, after its options
    assert logging.getLogger("ffhq_wrinkle").level == level


@pytest.mark.parametrize("name", sorted({*main.commands} - {"demo"}))
def test_a_command_without_arguments_says_what_is_missing(name):
    result = CliRunner().invoke(main, [name])
    assert result.exit_code == 2
    assert "Error: Missing " in result.output
