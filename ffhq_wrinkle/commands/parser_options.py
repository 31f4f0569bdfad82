"""Options of commands that find faces."""

import click

from ..faces.parsing import AUTO, PARSERS
from .options import EXISTING_FILE, EXISTING_PLACE

parser_option = click.option(
    "--parser",
    "parser_name",
    type=click.Choice([AUTO, *PARSERS]),
    default=AUTO,
    show_default=True,
    help="How faces are found. "
    + "; ".join(f"{parser.name}: {parser.description}" for parser in PARSERS.values())
    + "; auto: bisenet, or mesh if BiSeNet's weights cannot be had.",
)
weights_option = click.option(
    "--weights",
    type=EXISTING_FILE,
    help="With --parser bisenet or auto: BiSeNet's weights; downloaded once if not given.",
)
labels_option = click.option(
    "--labels",
    type=EXISTING_PLACE,
    help="With --parser labels: folder of existing label maps, ID.npy or ID.png.  [default: that "
    "of the released layout, if it exists]",
)
parts_option = click.option(
    "--parts",
    metavar="NAMES",
    help="Classes of the label map that are face, such as skin,nose,neck.  [default: skin,nose]",
)
engine_option = click.option(
    "--engine",
    type=click.Choice(["auto", "torch", "ncnn"]),
    default="auto",
    show_default=True,
    help="Backend for BiSeNet: PyTorch, or ncnn, which runs on a CPU only and is faster there. "
    "auto uses ncnn on a CPU if it is installed.",
)
align_option = click.option(
    "--align",
    is_flag=True,
    help="First find the face in each photo and cut it out as in FFHQ; for photos that are not "
    "aligned.",
)
landmarks_option = click.option(
    "--landmarks",
    type=EXISTING_FILE,
    help="With --align: CSV of the positions of eyes and mouth, instead of detecting them.",
)
all_faces_option = click.option(
    "--all-faces",
    is_flag=True,
    help="With --align: use every face of a photo, instead of refusing photos with several faces.",
)
