"""The command line: what all commands share, and how errors reach the user.

Each command is a module of `commands`.
"""

import logging
import os
import sys
import warnings

import click

from . import __version__
from .commands import COMMANDS
from .errors import ArgumentError, FfhqWrinkleError, RunInterrupted, TrainingDataError

WRONG_USAGE = 2
INTERRUPTED = 130  # what shells report for Ctrl-C


class WrongValue(click.ClickException):
    """A value that no command can work with, in one line; click's own has three."""

    exit_code = WRONG_USAGE


class Commands(click.Group):
    """A group whose commands report the package's own errors in one line."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Start logging, whose level options may change, and read the arguments."""
        _start_logging()
        return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> object:
        """Run a command."""
        try:
            return super().invoke(ctx)
        except FfhqWrinkleError as error:
            kind = WrongValue if isinstance(error, ArgumentError) else click.ClickException
            # Of data many things can be wrong at once, a line for each kind.
            lines = str(error).split("\n") if isinstance(error, TrainingDataError) else [str(error)]
            raise kind("\n".join(map(_one_line, lines))) from error
        except ImportError as error:
            if "libGL" not in str(error):
                raise
            raise click.ClickException(
                f"OpenCV needs a system library: {error}. On Debian or Ubuntu: apt-get install "
                "libgl1 libglib2.0-0"
            ) from error
        except AttributeError as error:
            # What is left of cv2 where one of two wheels that brought it was removed.
            if getattr(error.obj, "__name__", "") != "cv2":
                raise
            raise click.ClickException(
                "OpenCV is broken, as after removing one of two wheels of it: pip install "
                "--force-reinstall --no-deps opencv-python"
            ) from error
        except RunInterrupted as interruption:
            click.echo(f"Interrupted: {interruption.summary}", err=True)
            ctx.exit(INTERRUPTED)
        except KeyboardInterrupt:
            click.echo("Interrupted.", err=True)
            ctx.exit(INTERRUPTED)


def _one_line(text: str) -> str:
    """Text with what is no printable character, as in odd names of files, written as escapes."""
    return "".join(
        one if one.isprintable() else one.encode("unicode_escape").decode() for one in text
    )


def _set_level(ctx: click.Context, param: click.Parameter, wanted: bool) -> None:
    """Log more, or less, if an option asks for it."""
    if not wanted:
        return
    level = logging.DEBUG if param.name == "verbose" else logging.WARNING
    logging.getLogger("ffhq_wrinkle").setLevel(level)


# Options of the group and of every command, so that they work wherever people put them.
_SHARED_OPTIONS = (
    click.version_option(__version__, prog_name="ffhq-wrinkle"),
    click.option(
        "-v",
        "--verbose",
        is_flag=True,
        expose_value=False,
        callback=_set_level,
        help="Log more details to stderr.",
    ),
    click.option(
        "-q",
        "--quiet",
        is_flag=True,
        expose_value=False,
        callback=_set_level,
        help="Log only warnings and errors to stderr.",
    ),
)


def _start_logging() -> None:
    logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stderr)
    logging.getLogger("ffhq_wrinkle").setLevel(logging.INFO)
    # What these libraries log of a damaged image comes again, with its name, in failures.csv.
    os.environ.setdefault("OPENCV_LOG_LEVEL", "SILENT")
    warnings.filterwarnings("ignore", module="PIL")


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Facial wrinkle data and models, after FFHQ-Wrinkle (Moon, Chung, Jang, ICPR 2024)."""


for command in (main, *COMMANDS):
    for option in _SHARED_OPTIONS:
        option(command)
for command in COMMANDS:
    main.add_command(command)
