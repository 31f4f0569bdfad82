"""Options of the commands that find faces."""

import click

from .options import EXISTING_FILE, EXISTING_PLACE

parser_option = click.option(
    "--parser",
    "parser_name",
    type=click.Choice(["bisenet", "labels", "template"]),
    default="bisenet",
    show_default=True,
    help="How faces are found: by the trained network BiSeNet, from existing label maps, or by a "
    "fixed template.",
)
weights_option = click.option(
    "--weights",
    type=EXISTING_FILE,
    help="With --parser bisenet: its weights; downloaded once if not given.",
)
labels_option = click.option(
    "--labels",
    type=EXISTING_PLACE,
    help="With --parser labels: folder of existing label maps, ID.npy or ID.png.  [default: that "
    "of the released layout, if it exists]",
)
engine_option = click.option(
    "--engine",
    type=click.Choice(["auto", "torch", "ncnn"]),
    default="auto",
    show_default=True,
    help="Backend for BiSeNet: PyTorch, or ncnn, which runs on a CPU only and is faster there. "
    "auto uses ncnn on a CPU if it is installed.",
)
