"""The command `publish`."""

from pathlib import Path

import click

from .options import (
    EXISTING_FILE,
    EXISTING_FILE_OR_FOLDER,
    FOLDER,
    chosen_ids,
    ids_file_option,
    ids_option,
    jobs_option,
)

_ANNOTATORS = "--annotators"
TARGETS = ("huggingface", "coco", "nnunet", "monai", "webdataset", "yolo", "fiftyone")


class _SeveralAnnotators(click.Command):
    """A command whose ``--annotators`` takes several values, which click does not support."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        spread: list[str] = []
        values_follow = False
        for argument in args:
            is_option = argument.startswith("-")
            if argument == _ANNOTATORS:
                values_follow = True
                continue
            values_follow = values_follow and not is_option
            spread += [_ANNOTATORS, argument] if values_follow else [argument]
        if args and args[-1] == _ANNOTATORS:
            spread.append(_ANNOTATORS)  # for the error that it needs a value
        return super().parse_args(ctx, spread)


@click.command("publish", cls=_SeveralAnnotators)
@click.argument("data", type=click.Path(exists=True, path_type=Path))
@click.argument("out", type=FOLDER)
@click.option(
    "--as", "target", type=click.Choice(TARGETS), required=True, help="Form of the data set."
)
@click.option(
    "--title",
    help="Name of the data set or network.  [default: Facial wrinkle masks, or Facial wrinkle "
    "segmentation]",
)
@click.option(
    "--licence",
    metavar="NAME",
    help="Licence of the data set, such as cc-by-4.0.  [default: cc-by-nc-sa-4.0 if all ids are "
    "FFHQ's, otherwise other]",
)
@click.option(
    "--with-images",
    is_flag=True,
    help="Also publish the photographs, if their licences in DATA's attribution.csv allow it.",
)
@click.option(
    "--any-licence",
    is_flag=True,
    help="With --with-images: publish photographs whatever their licence, because you may.",
)
@click.option("--no-weak", is_flag=True, help="Leave weak masks out.")
@click.option(
    _ANNOTATORS,
    multiple=True,
    metavar="[NAME=]FOLDER...",
    help="Also publish the masks of single annotators; give this option after DATA and OUT. Names "
    "of folders other than A, annotator_1 and the like are replaced unless NAME is given.",
)
@click.option(
    "--split",
    "splits",
    type=EXISTING_FILE,
    multiple=True,
    help="split.csv of a training run; repeat the option if one file does not have all images.  "
    "[default: a CSV's split, or the official test ids and the rest]",
)
@click.option(
    "--agreement",
    type=EXISTING_FILE_OR_FOLDER,
    help="Report of `agreement`, for the card.",
)
@click.option(
    "--demographics",
    type=EXISTING_FILE_OR_FOLDER,
    help="Report of `demographics`, for the card.",
)
@click.option(
    "--ignore-disputed",
    is_flag=True,
    help="With --as nnunet: give pixels that some annotators drew and others did not the label to "
    "ignore; requires --annotators.",
)
@click.option(
    "--folds",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    metavar="N",
    help="With --as monai: deal the images that do not test to N folds; 0 for none.",
)
@ids_option
@ids_file_option
@jobs_option
@click.option(
    "--overwrite", is_flag=True, help="Replace a folder that was published with different settings."
)
def publish_command(
    data: Path,
    out: Path,
    target: str,
    title: str | None,
    licence: str | None,
    with_images: bool,
    any_licence: bool,
    no_weak: bool,
    annotators: tuple[str, ...],
    splits: tuple[Path, ...],
    agreement: Path | None,
    demographics: Path | None,
    ignore_disputed: bool,
    folds: int,
    ids_text: str | None,
    ids_file: Path | None,
    jobs: int | None,
    overwrite: bool,
) -> None:
    """Publish a data set or network in the form that other software loads, with a card.

    DATA is a data set as `train` takes it: in the released layout, a folder with images/ and
    masks/, or a CSV. Photographs are not published unless --with-images is given. The card,
    README.md, takes its figures from the reports of `agreement` and `demographics`.

    If DATA is a folder of `train`, its best network is published as safetensors with a model card,
    by --as huggingface.

    OUT appears when it is complete. A run that was stopped or killed is continued by the same
    command.

    \b
    Examples:
      ffhq-wrinkle publish ffhq to_upload --as huggingface
      ffhq-wrinkle publish ffhq to_upload --as huggingface --annotators A B C --agreement report
      ffhq-wrinkle publish mine to_upload --as huggingface --with-images --licence cc-by-4.0
      ffhq-wrinkle publish ffhq nnUNet_raw/Dataset501_Wrinkles --as nnunet
      ffhq-wrinkle publish ffhq datalist --as monai --folds 5
      ffhq-wrinkle publish runs/unet to_upload --as huggingface --title "Wrinkle U-Net"
    """
    from ..api.publishing import publish

    report = publish(
        data,
        out,
        target=target,
        title=title,
        licence=licence,
        with_images=with_images,
        any_licence=any_licence,
        weak=not no_weak,
        annotators=annotators,
        splits=splits,
        agreement=agreement,
        demographics=demographics,
        ignore_disputed=ignore_disputed,
        folds=folds,
        ids=chosen_ids(ids_text, ids_file),
        jobs=jobs,
        overwrite=overwrite,
    )
    click.echo(report.summary())
