"""Options of commands that find faces."""

import click

from ..faces.parsing import PARSERS
from .options import EXISTING_FILE, EXISTING_PLACE

parser_option = click.option(
    "--parser",
    "parser_name",
    type=click.Choice(list(PARSERS)),
    default="bisenet",
    show_default=True,
    help="How faces are found: "
    + "; ".join(f"{parser.name}: {parser.description}" for parser in PARSERS.values())
    + ".",
)
weights_option = click.option(
    "--weights",
    type=EXISTING_FILE,
    help="BiSeNet's weights; downloaded once if not given.",
)
labels_option = click.option(
    "--labels",
    type=EXISTING_PLACE,
    help="Folder of existing label maps, ID.npy or ID.png, for --parser labels.",
)
engine_option = click.option(
    "--engine",
    type=click.Choice(["auto", "torch", "ncnn"]),
    default="auto",
    show_default=True,
    help="Backend for BiSeNet: PyTorch, or ncnn, faster on a CPU (auto: ncnn if installed).",
)


def echo_guess(parser_name: str) -> None:
    """Tell users that faces were guessed, if the parser guesses."""
    if PARSERS[parser_name].is_guess:
        click.echo(f"The faces are a guess by the parser {parser_name}, not by a trained network.")
