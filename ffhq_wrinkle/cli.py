"""The command line: the options that all commands share, and how errors are reported.

Each command is a module of `commands`.
"""

import io
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
    """An invalid value, reported in one line; click's own error takes three lines."""

    exit_code = WRONG_USAGE


class Commands(click.Group):
    """A group whose commands report the package's own errors in one line."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Start the output before options change the level of logging, and read the arguments."""
        _start_output()
        return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> object:
        """Run a command, and turn its errors into messages and exit statuses."""
        try:
            return super().invoke(ctx)
        except FfhqWrinkleError as error:
            kind = WrongValue if isinstance(error, ArgumentError) else click.ClickException
            # Several things can be wrong with training data; each kind has its own line.
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
            # Two wheels provide cv2. If one is uninstalled, an empty cv2 package remains.
            if getattr(error.obj, "__name__", "") != "cv2":
                raise
            raise click.ClickException(
                "OpenCV is broken, possibly because one of two installed OpenCV packages was "
                "removed: pip install --force-reinstall --no-deps opencv-python"
            ) from error
        except RunInterrupted as interruption:
            click.echo(f"Interrupted: {interruption.summary}", err=True)
            ctx.exit(INTERRUPTED)
        except KeyboardInterrupt:
            click.echo("Interrupted.", err=True)
            ctx.exit(INTERRUPTED)


def _one_line(text: str) -> str:
    """Return text with escapes for characters that are not printable, as in odd file names."""
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode()
        for character in text
    )


def _set_level(ctx: click.Context, param: click.Parameter, given: bool) -> None:
    """Set the log level if the option ``--verbose`` or ``--quiet`` is given."""
    if not given:
        return
    level = logging.DEBUG if param.name == "verbose" else logging.WARNING
    logging.getLogger("ffhq_wrinkle").setLevel(level)


# Options of the group and of every command, so that they can come before or after its name.
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


def _start_output() -> None:
    """Start logging, and have stdout escape file names that are not valid text, as stderr does."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stderr)
    logging.getLogger("ffhq_wrinkle").setLevel(logging.INFO)
    # These libraries warn of damaged images without naming them; failures.csv lists them by name.
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
