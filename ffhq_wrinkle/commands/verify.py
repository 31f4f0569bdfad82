"""The command `verify`."""

from pathlib import Path

import click

from .options import (
    EXISTING_FILE,
    EXISTING_FOLDER,
    FAILED,
    FOLDER,
    jobs_option,
    json_option,
    print_result,
)


@click.command("verify")
@click.argument("data", type=EXISTING_FOLDER)
@click.option("--out", type=FOLDER, help="Folder for a report: tables and pictures.")
@click.option("--overwrite", is_flag=True, help="Replace an earlier report.")
@click.option("--quick", is_flag=True, help="Process image 00001 alone, not the 100 test ids.")
@click.option(
    "--weights", type=EXISTING_FILE, help="BiSeNet's weights.  [default: those in the cache]"
)
@click.option(
    "--race-labels",
    type=EXISTING_FILE,
    help="A race.csv of `demographics --race --keep-individual`, to check Table 1 by.",
)
@click.option(
    "--device",
    default="auto",
    show_default=True,
    help="Device for the networks: auto, cpu, cuda, cuda:1 or mps.",
)
@jobs_option
@json_option
@click.pass_context
def verify_command(
    ctx: click.Context,
    data: Path,
    out: Path | None,
    overwrite: bool,
    quick: bool,
    weights: Path | None,
    race_labels: Path | None,
    device: str,
    jobs: int | None,
    as_json: bool,
) -> None:
    """Check whether DATA, and our results on it, are the published ones.

    DATA is a folder of `download`, in the released layout; it may be incomplete. Files are held
    against their published hashes. Label maps, weak masks by each formula, the authors' networks,
    manual masks, parameters of networks, Table 1 and copies of test images are held against
    published files and figures. Nothing is downloaded.

    Each check is equal, close, DIFFERENT or absent; absent ones name the command that gets what is
    missing. If no formula gives the published weak masks, variants of the arithmetic are searched.
    The exit status is 1 if anything differs, and 0 otherwise.

    \b
    Examples:
      ffhq-wrinkle verify ffhq
      ffhq-wrinkle verify ffhq --quick
      ffhq-wrinkle verify ffhq --out verification
    """
    from ..api.verification import verify

    verification = verify(
        data,
        out=out,
        overwrite=overwrite,
        quick=quick,
        weights=weights,
        race_labels=race_labels,
        device=device,
        jobs=jobs,
    )
    remark = f"Tables and pictures are in {out}." if out else ""
    print_result(verification, remark, as_json=as_json)
    ctx.exit(FAILED if verification.differs else 0)
