"""Commands, run in this process."""

from click.testing import CliRunner

from ffhq_wrinkle.cli import main


def run(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments])
