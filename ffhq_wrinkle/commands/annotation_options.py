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
    help="Folder of face masks; pixels outside them do not count.",
)
missing_option = click.option(
    "--missing",
    type=click.Choice(["error", "skip", "empty"]),
    default="error",
    show_default=True,
    help="How to treat an image that an annotator lacks: error stops before anything is written, "
    "skip leaves the image out, empty assumes that the annotator drew nothing. An image without a "
    "face mask (--within), or of which an annotator has only a file that is not read, such as "
    "00007.nrrd, is left out by skip and is an error otherwise.",
)
threshold_option = click.option(
    "--threshold",
    type=click.IntRange(1, 65535),
    metavar="N",
    help="For masks with more than two values: pixels with a value of at least N are drawn. Half "
    "of the largest value (128 of 255) takes the rims off antialiased lines and breaks lines of 1 "
    "pixel into pieces; a lower N keeps more. A mask of which N would leave nothing is an error.",
)
resize_option = click.option(
    "--resize",
    type=click.Choice(["nearest"]),
    help="Resize masks by nearest neighbour to the size of the mask by the first annotator who has "
    "the image; without this option, different sizes are an error.",
)
