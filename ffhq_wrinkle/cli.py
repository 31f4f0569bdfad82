"""The command line: each command reads its options, calls one library function, prints the result.

Heavy libraries load inside the commands, so that ``--help`` is instant.
"""

import logging
import os
import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import click

from . import __version__
from .errors import ArgumentError, FfhqWrinkleError

if TYPE_CHECKING:
    from .parsing import ParserName
    from .texture import Recipe

FAILED, WRONG_USAGE = 1, 2
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
            raise kind(str(error)) from error
        except ImportError as error:
            if "libGL" not in str(error):
                raise
            raise click.ClickException(
                f"OpenCV needs a system library: {error}. On Debian or Ubuntu: apt-get install "
                "libgl1 libglib2.0-0"
            ) from error
        except KeyboardInterrupt:
            click.echo("Interrupted.", err=True)
            ctx.exit(INTERRUPTED)


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
    warnings.filterwarnings("ignore", module="PIL")


@main.command("build-weak")
@click.argument("images", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("out", type=click.Path(file_okay=False, path_type=Path))
@click.option("--ids", "ids_text", metavar="IDS", help="Only these, such as 0-49999,60000.")
@click.option(
    "--ids-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Only the ids in this file, one a line.",
)
@click.option("--limit", type=click.IntRange(min=1), help="Only the first so many images.")
@click.option(
    "--recipe",
    type=click.Choice(["paper", "released"]),
    default="paper",
    show_default=True,
    help="Formula of the texture map: Eq. 1 of the paper, or what the published masks hold.",
)
@click.option("--kernel-size", type=int, default=21, show_default=True, help="Gaussian, pixels.")
@click.option("--sigma", type=float, default=5.0, show_default=True, help="Gaussian, pixels.")
@click.option(
    "--scale-to-image",
    is_flag=True,
    help="Scale kernel size and sigma by the image's longer side / 1024.",
)
@click.option(
    "--parser",
    "parser_name",
    type=click.Choice(["bisenet", "labels", "template"]),
    default="bisenet",
    show_default=True,
    help="Who finds the face: the trained network, ready label maps, or a fixed template.",
)
@click.option(
    "--weights",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="BiSeNet's weights; fetched once if not given.",
)
@click.option(
    "--labels",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder of ready label maps, ID.npy or ID.png, for --parser labels.",
)
@click.option(
    "--device", default="auto", show_default=True, help="For BiSeNet: auto, cpu, cuda, cuda:1, mps."
)
@click.option(
    "--batch-size",
    type=click.IntRange(min=1),
    help="Images that BiSeNet parses at once.  [default: 16 on a GPU, 1 on the CPU]",
)
@click.option(
    "--jobs",
    type=click.IntRange(min=1),
    help="Threads that read, compute and write.  [default: one for each core]",
)
@click.option("--overwrite", is_flag=True, help="Replace what is in OUT already.")
@click.option(
    "--save-labels",
    type=click.Path(file_okay=False, path_type=Path),
    help="Also write label maps here, as ID.npy.",
)
@click.option(
    "--save-face-masks",
    type=click.Path(file_okay=False, path_type=Path),
    help="Also write face masks here, 0/255 PNG.",
)
@click.option(
    "--save-masked-images",
    type=click.Path(file_okay=False, path_type=Path),
    help="Also write the images, black outside the face, here.",
)
@click.pass_context
def build_weak_command(
    ctx: click.Context,
    images: Path,
    out: Path,
    ids_text: str | None,
    ids_file: Path | None,
    limit: int | None,
    recipe: "Recipe",
    kernel_size: int,
    sigma: float,
    scale_to_image: bool,
    parser_name: "ParserName",
    weights: Path | None,
    labels: Path | None,
    device: str,
    batch_size: int | None,
    jobs: int | None,
    overwrite: bool,
    save_labels: Path | None,
    save_face_masks: Path | None,
    save_masked_images: Path | None,
) -> None:
    """Write to OUT the weak wrinkle mask of each face in IMAGES.

    A weak mask is the texture map of the photograph inside the face's skin and nose, and 0
    outside: 8-bit gray PNG of the image's size, in the released layout (00000/00007.png).

    IMAGES holds PNG, JPEG, WebP, TIFF or BMP files, flat or in FFHQ's shards. Images that can not
    be done are listed in OUT/failures.csv, and the exit status is 1. Run the same command again
    to go on after an interruption, or to try the failed ones again.

    \b
    Examples:
      ffhq-wrinkle build-weak ffhq/images1024x1024 weak
      ffhq-wrinkle build-weak ffhq/images1024x1024 weak --recipe released --ids 0-999
      ffhq-wrinkle build-weak photos weak --parser template --scale-to-image
      ffhq-wrinkle build-weak photos weak --parser labels --labels face_parsed_labels
    """
    from .manifest import merge_ids, parse_ids, read_ids
    from .parsing import create_parser
    from .weak import BuildInterrupted, ByProducts, TextureSettings, build_weak

    texture = TextureSettings(
        recipe=recipe, kernel_size=kernel_size, sigma=sigma, scale_to_image=scale_to_image
    )
    chosen = [parse_ids(ids_text)] if ids_text is not None else []
    chosen += [read_ids(ids_file)] if ids_file else []
    parser = create_parser(
        parser_name,
        weights=weights,
        labels=labels,
        images=images,
        device=device,
        batch_size=batch_size,
    )
    try:
        report = build_weak(
            images,
            out,
            parser=parser,
            texture=texture,
            by_products=ByProducts(
                labels=save_labels, face_masks=save_face_masks, masked_images=save_masked_images
            ),
            ids=merge_ids(chosen) if chosen else None,
            limit=limit,
            jobs=jobs or available_cores(),
            overwrite=overwrite,
        )
    except BuildInterrupted as interruption:
        click.echo(f"Interrupted: {interruption.report.summary(out)}", err=True)
        ctx.exit(INTERRUPTED)
    click.echo(report.summary(out))
    if parser_name == "template":
        click.echo(f"The faces are {parser.note}.")
    ctx.exit(FAILED if report.failed else 0)


def available_cores() -> int:
    """Cores that this process may use, which in a container or a batch job are not all."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
