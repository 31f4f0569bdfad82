"""The command `export`."""

from pathlib import Path

import click

from .options import EXISTING_FILE_OR_FOLDER


@click.command("export")
@click.argument("out", type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "--checkpoint",
    required=True,
    metavar="FILE",
    shell_complete=EXISTING_FILE_OR_FOLDER.shell_complete,
    help="Checkpoint file, folder of `train` (its best network), or official-unet or "
    "official-swin-unetr (the authors' networks).",
)
@click.option("--overwrite", is_flag=True, help="Replace an existing file.")
def export_command(out: Path, checkpoint: str, overwrite: bool) -> None:
    """Write a checkpoint as ONNX to OUT, for images of any size.

    The input of the graph is float32 (B, C, H, W) in -1..1: the channels of the masked image, then
    the texture map if the network uses it. Its output is the logits of background and wrinkle.
    Before the file is written, the results of ONNX Runtime are compared with those of PyTorch.
    `predict` accepts the file as a checkpoint.

    This command requires pip install 'ffhq-wrinkle[onnx]'.

    \b
    Examples:
      ffhq-wrinkle export unet.onnx --checkpoint official-unet
      ffhq-wrinkle export best.onnx --checkpoint runs/unet
    """
    from ..api.training import export

    click.echo(export(out, checkpoint=checkpoint, overwrite=overwrite).summary())
