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


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="ffhq-wrinkle")
@click.option("-v", "--verbose", is_flag=True, help="Say more on stderr.")
@click.option("-q", "--quiet", is_flag=True, help="Say nothing but warnings and errors on stderr.")
def main(verbose: bool, quiet: bool) -> None:
    """Facial wrinkle data and models, after FFHQ-Wrinkle (Moon, Chung, Jang, ICPR 2024)."""
    level = logging.DEBUG if verbose else logging.WARNING if quiet else logging.INFO
    logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stderr)
    logging.getLogger("ffhq_wrinkle").setLevel(level)
    # What these libraries say of a damaged image comes again, with its name, in failures.csv.
    os.environ.setdefault("OPENCV_LOG_LEVEL", "SILENT")
    # Dask sets its level when it is imported, here and in workers.
    os.environ.setdefault("DASK_LOGGING__DISTRIBUTED", "info" if verbose else "warning")
    warnings.filterwarnings("ignore", module="PIL")


for command in COMMANDS:
    main.add_command(command)
