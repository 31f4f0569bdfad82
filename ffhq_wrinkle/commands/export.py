"""The command `export`."""

from pathlib import Path

import click

from .options import EXISTING_FILE


@click.command("export")
@click.argument("out", type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "--checkpoint",
    required=True,
    metavar="FILE",
    shell_complete=EXISTING_FILE.shell_complete,
    help="A checkpoint, or official-unet or official-swin-unetr.",
)
def export_command(out: Path, checkpoint: str) -> None:
    """Write a checkpoint as ONNX to OUT, for images of any size.

    The graph takes float32 (B, C, H, W) in -1..1, the masked image and behind it the texture map,
    and gives the logits of background and wrinkle. It is run by ONNX Runtime and compared with
    PyTorch before it is written. `predict` takes the file as a checkpoint. This needs
    pip install 'ffhq-wrinkle[onnx]'.

    \b
    Examples:
      ffhq-wrinkle export unet.onnx --checkpoint official-unet
      ffhq-wrinkle export best.onnx --checkpoint runs/unet/best.pt
    """
    from ..api.training import export

    click.echo(export(out, checkpoint=checkpoint).summary())
