"""The command `download`."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from .options import EXISTING_FILE, FAILED, FOLDER, chosen_ids, ids_file_option

if TYPE_CHECKING:
    from ..api.datasets import Part

# Copies of `download.PARTS` and `download.LABELS`, whose module is too heavy for --help.
_PARTS = ("metadata", "images", "labels", "weights", "checkpoints", "aging-labels")
_LABELS = ("manual", "weak", "parsed")


@click.command("download")
@click.argument("what", type=click.Choice([*_PARTS, "all"]))
@click.argument("data", type=FOLDER)
@click.option(
    "--ids",
    "ids_text",
    metavar="IDS",
    help="For images: ids to download, such as 0-999, or `test` for the 100 official test ids.  "
    "[default: 0-49999]",
)
@ids_file_option
@click.option(
    "--source",
    "source_text",
    default="auto",
    show_default=True,
    metavar="WHERE",
    help="For images: huggingface (a mirror), gaunernst (a mirror of lossless WebP in tar files), "
    "drive (FFHQ's own addresses, which require the metadata), auto (these in turn), an address "
    "with {id} and, where needed, {shard} or {part}, or a folder that contains FFHQ, unpacked or "
    "in zip archives.",
)
@click.option(
    "--only",
    type=click.Choice(_LABELS),
    multiple=True,
    help="For labels: download only this kind; may be repeated.",
)
@click.option(
    "--jobs",
    type=click.IntRange(1, 64),
    default=8,
    show_default=True,
    metavar="N",
    help="Number of simultaneous connections.",
)
@click.option(
    "--timeout",
    "timeout_s",
    type=click.FloatRange(min=0.1),
    default=60,
    show_default=True,
    metavar="SECONDS",
    help="Reconnect after this many seconds without data.",
)
@click.option(
    "--cookies",
    type=EXISTING_FILE,
    help="Cookies of a browser in Netscape's format, for files that require signing in.",
)
@click.option("--verify", is_flag=True, help="Check the content of existing files again.")
@click.option(
    "--keep-webp",
    is_flag=True,
    help="For images of gaunernst: keep the WebP files, which all commands read, instead of "
    "writing PNG.",
)
@click.pass_context
def download_command(
    ctx: click.Context,
    what: "Part",
    data: Path,
    ids_text: str | None,
    ids_file: Path | None,
    source_text: str,
    only: tuple[str, ...],
    jobs: int,
    timeout_s: float,
    cookies: Path | None,
    verify: bool,
    keep_webp: bool,
) -> None:
    """Download FFHQ and the published labels and weights to DATA, and verify them.

    DATA is a folder, which receives the released layout. The first argument selects the files:

    \b
      images        photographs, 1024x1024 PNG, to images1024x1024
      labels        the published masks and label maps: manual, weak, parsed
      weights       weights of BiSeNet, to the cache
      checkpoints   the authors' trained networks
      metadata      FFHQ's own table, with hashes of the images; attribution.csv is made from it
      aging-labels  age groups, gender and pose, by FFHQ-Aging
      all           all of these

    Files are verified by size and hash where these are known; otherwise images must decode
    completely. DATA/download.csv lists the source and the state of each file. Run the same command
    again to resume an interrupted download or to retry failed files. Files that are already
    verified are not requested again. The exit status is 1 if anything is missing.

    The environment variables HF_ENDPOINT and HF_TOKEN are honoured.

    \b
    Examples:
      ffhq-wrinkle download all ffhq
      ffhq-wrinkle download images ffhq --ids 0-999
      ffhq-wrinkle download images ffhq --source gaunernst --keep-webp
      ffhq-wrinkle download images ffhq --source /mnt/colleague/ffhq
      ffhq-wrinkle download images ffhq --source "https://mirror.example/{shard}/{id}.png"
      ffhq-wrinkle download labels ffhq --only manual --only parsed
    """
    from ..api.datasets import downloads
    from ..dataset.ids import parse_ids_or_test

    if only and what not in ("labels", "all"):
        raise click.UsageError("--only selects kinds of labels; use it with labels or all")
    failed = False
    for report in downloads(
        what,
        data,
        ids=chosen_ids(ids_text, ids_file, parse=parse_ids_or_test),
        source=source_text,
        only=only,
        jobs=jobs,
        timeout_s=timeout_s,
        cookies=cookies,
        verify=verify,
        keep_webp=keep_webp,
    ):
        click.echo(report.summary())
        failed |= report.failed > 0
    ctx.exit(FAILED if failed else 0)
