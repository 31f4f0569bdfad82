"""The command `review`."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from .annotation_options import (
    annotators_argument,
    missing_option,
    resize_option,
    threshold_option,
    within_option,
)
from .options import (
    EXISTING_FOLDER,
    FAILED,
    FOLDER,
    LocalPath,
    chosen_ids,
    ids_file_option,
    ids_option,
    jobs_option,
    overwrite_option,
)

if TYPE_CHECKING:
    from typing import Literal

    from ..human_labels.annotators import Missing


@click.command("review")
@annotators_argument
@click.option("--out", type=FOLDER, help="Folder for decisions, masks and tables.")
@click.option("--images", type=EXISTING_FOLDER, help="Folder of photographs to show.")
@click.option(
    "--reviewer",
    metavar="NAME",
    help="Name of the reviewer.  [default: the page asks for it]",
)
@click.option(
    "--port",
    type=click.IntRange(1, 65535),
    metavar="N",
    help="Port of this machine to listen on.  [default: a free one]",
)
@click.option(
    "--browser/--no-browser", default=True, show_default=True, help="Open the page in the browser."
)
@click.option(
    "--tolerance-px",
    type=click.FloatRange(min=0, max=999),
    default=1.0,
    show_default=True,
    metavar="N",
    help="Parts are settled by the majority if all annotators lie within N pixels of each other.",
)
@click.option(
    "--second-look",
    type=click.FloatRange(0, 1),
    default=0.0,
    show_default=True,
    metavar="SHARE",
    help="Share of the parts that a second reviewer also decides, without being shown the first "
    "decision.",
)
@click.option(
    "--blind",
    is_flag=True,
    help="Show annotators as 1, 2, 3, in an order drawn for each image, without their names.",
)
@click.option(
    "--export",
    type=LocalPath(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write one image as a page that needs no server, and end: that of --ids, or the most "
    "disputed. The photograph is included only with --images.",
)
@within_option
@missing_option
@threshold_option
@resize_option
@ids_option
@ids_file_option
@jobs_option
@overwrite_option
@click.pass_context
def review_command(
    ctx: click.Context,
    annotators: tuple[str, ...],
    out: Path | None,
    images: Path | None,
    reviewer: str | None,
    port: int | None,
    browser: bool,
    tolerance_px: float,
    second_look: float,
    blind: bool,
    export: Path | None,
    within: Path | None,
    missing: "Missing",
    threshold: int | None,
    resize: "Literal['nearest'] | None",
    ids_text: str | None,
    ids_file: Path | None,
    jobs: int | None,
    overwrite: bool,
) -> None:
    """Decide what is wrinkle where annotators disagree, on a page in the browser.

    Give one folder of masks for each of 2 to 20 annotators, as for `fuse-labels`. The command
    prints the address of a page that only this machine can open, and runs until Ctrl-C. It needs
    the extra `review`: pip install 'ffhq-wrinkle[review]'.

    The page shows the most disputed image first, part by part: connected pieces of what anybody
    drew, gaps of up to 2 pixels closed. Enter takes what most annotators drew; other keys take one
    annotator's version, what anybody drew, or nothing, or draw. Each decision is saved at once, in
    OUT/decisions. Run the same command again to resume. Several reviewers can use the page at the
    same time, each under their own name.

    When every part of an image is decided, OUT receives its mask as `fuse-labels` would write it.
    At the end, review.csv, review.json and review.md say what was decided by whom, and how far the
    results lie from each annotator. Parts of masks that an annotator revises are open again.

    \b
    Examples:
      ffhq-wrinkle review ann/anna ann/ben ann/chris --out reviewed --images ffhq/images1024x1024
      ffhq-wrinkle review A B C --out reviewed --reviewer dana --ids 7,102
      ffhq-wrinkle review A B C --out reviewed --blind --second-look 0.1
      ffhq-wrinkle review A B C --ids 7 --export 00007.html
    """
    from ..api.review import review

    report = review(
        annotators,
        out,
        images=images,
        reviewer=reviewer,
        port=port,
        browser=browser,
        tolerance_px=tolerance_px,
        second_look=second_look,
        blind=blind,
        export=export,
        within=within,
        missing=missing,
        threshold=threshold,
        resize=resize,
        ids=chosen_ids(ids_text, ids_file),
        jobs=jobs,
        overwrite=overwrite,
        show=click.echo,
    )
    if report is None:
        click.echo(f"{export} written")
        return
    click.echo(report.summary())
    ctx.exit(FAILED if report.failed else 0)
