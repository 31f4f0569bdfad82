"""Options of the commands that read annotators' masks."""

import click

from .options import EXISTING_FOLDER

annotators_argument = click.argument(
    "annotators",
    nargs=-1,
    required=True,
    metavar="[NAME=]FOLDER...",
    shell_complete=EXISTING_FOLDER.shell_complete,
)
within_option = click.option(
    "--within",
    type=EXISTING_FOLDER,
    help="Folder of face masks; what lies outside them does not count.",
)
missing_option = click.option(
    "--missing",
    type=click.Choice(["error", "skip", "empty"]),
    default="error",
    show_default=True,
    help="An image that an annotator lacks: refuse to begin, leave it out (also if it has no face "
    "mask), or take it that they drew nothing.",
)
threshold_option = click.option(
    "--threshold",
    type=click.IntRange(1, 65535),
    metavar="N",
    help="For masks of more than two values: levels of N and more are drawn.",
)
resize_option = click.option(
    "--resize",
    type=click.Choice(["nearest"]),
    help="Bring masks of other sizes to that of the first annotator who has the image, instead of "
    "failing.",
)
