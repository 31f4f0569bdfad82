"""Commands, run in this process."""

from click.testing import CliRunner

from ffhq_wrinkle.cli import main

WIDE = 1000


def run(*arguments, width=WIDE):
    """Run a command on a terminal of this width; tables fit into a wide one in one piece."""
    environment = {"COLUMNS": str(width)}
    return CliRunner().invoke(main, [str(argument) for argument in arguments], env=environment)
