"""Options of commands that find faces."""

import click

from .options import EXISTING_FILE, EXISTING_PLACE

parser_option = click.option(
    "--parser",
    "parser_name",
    type=click.Choice(["bisenet", "labels", "template"]),
    default="bisenet",
    show_default=True,
    help="Who finds the face: the trained network, ready label maps, or a fixed template.",
)
weights_option = click.option(
    "--weights",
    type=EXISTING_FILE,
    help="BiSeNet's weights; fetched once if not given.",
)
labels_option = click.option(
    "--labels",
    type=EXISTING_PLACE,
    help="Folder of ready label maps, ID.npy or ID.png, for --parser labels.",
)
engine_option = click.option(
    "--engine",
    type=click.Choice(["auto", "torch", "ncnn"]),
    default="auto",
    show_default=True,
    help="What computes BiSeNet: PyTorch, or on a CPU, sooner, ncnn (auto: if it is installed).",
)
