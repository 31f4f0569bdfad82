"""The command `download`."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from .options import EXISTING_FILE, FAILED, FOLDER, chosen_ids, ids_file_option

if TYPE_CHECKING:
    from ..api.datasets import Part

# As `download.PARTS` and `download.LABELS`, which are not loaded for --help.
_PARTS = ("metadata", "images", "labels", "weights", "checkpoints", "aging-labels")
_LABELS = ("manual", "weak", "parsed")


@click.command("download")
@click.argument("what", type=click.Choice([*_PARTS, "all"]))
@click.argument("data", type=FOLDER)
@click.option("--ids", "ids_text", metavar="IDS", help="Images: only these.  [default: 0-49999]")
@ids_file_option
@click.option(
    "--source",
    "source_text",
    default="huggingface",
    show_default=True,
    metavar="WHERE",
    help="Images: huggingface (a mirror), drive (FFHQ's own; needs the metadata), an address with "
    "{id}, {shard} or {part} in it, or a folder with FFHQ in it, loose or in zip archives.",
)
@click.option(
    "--only",
    type=click.Choice(_LABELS),
    multiple=True,
    help="Labels: only this kind; may be repeated.",
)
@click.option(
    "--jobs", type=click.IntRange(1, 64), default=8, show_default=True, help="Connections."
)
@click.option(
    "--timeout",
    "timeout_s",
    type=click.FloatRange(min=0.1),
    default=60,
    show_default=True,
    metavar="SECONDS",
    help="Without a byte for so long, a connection is made anew.",
)
@click.option(
    "--cookies",
    type=EXISTING_FILE,
    help="A browser's cookies in Netscape's format, for files that want somebody to sign in.",
)
@click.option(
    "--verify", is_flag=True, help="Look again at the content of all files that are there."
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
) -> None:
    """Bring FFHQ and what belongs to it into the folder DATA, verified, in the released layout.

    \b
    What:
      images        photographs, 1024x1024 PNG, into images1024x1024
      labels        the published masks and label maps: manual, weak, parsed
      weights       BiSeNet's and YuNet's, into the cache
      checkpoints   the authors' trained networks
      metadata      FFHQ's own table; with it hashes of the images, and attribution.csv
      aging-labels  age groups, gender and pose, by FFHQ-Aging
      all           all of these

    Files are verified by size and hash where these are known, otherwise images have to decode
    whole. DATA/download.csv says of each file where it came from and how it stands. Run the same
    command again to go on after an interruption, or to try again what failed: nothing that is
    there and verified is asked for again. The exit status is 1 if something is missing.

    HF_ENDPOINT and HF_TOKEN are honoured.

    \b
    Examples:
      ffhq-wrinkle download all ffhq
      ffhq-wrinkle download images ffhq --ids 0-999
      ffhq-wrinkle download images ffhq --source /mnt/colleague/ffhq
      ffhq-wrinkle download images ffhq --source "https://mirror.example/{shard}/{id}.png"
      ffhq-wrinkle download labels ffhq --only manual --only parsed
    """
    from ..api.datasets import downloads

    if only and what not in ("labels", "all"):
        raise click.UsageError("--only goes with labels")
    failed = False
    for report in downloads(
        what,
        data,
        ids=chosen_ids(ids_text, ids_file),
        source=source_text,
        only=only,
        jobs=jobs,
        timeout_s=timeout_s,
        cookies=cookies,
        verify=verify,
    ):
        click.echo(report.summary())
        failed |= report.failed > 0
    ctx.exit(FAILED if failed else 0)
