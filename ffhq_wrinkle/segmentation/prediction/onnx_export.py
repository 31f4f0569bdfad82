"""ONNX export: a checkpoint as a graph that other programs run, for images of any size.

The graph takes what the network takes, float32 (B, C, H, W) in -1..1, pads and crops by itself, and
gives both classes' logits. What `predict` has to know besides is kept in it as a note.
"""

import json
import warnings
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch.export import Dim

from ... import __version__
from ...errors import ArgumentError
from ...results.tabular import Tabular
from ...storage.writing import write_bytes
from ..checkpoints.checkpoint import Checkpoint, load_checkpoint
from .onnx_network import INPUT, NOTE, OUTPUT, onnx_session
from .torch_network import require_two_classes

if TYPE_CHECKING:
    import pandas as pd

# Neither divides by anything, and Swin UNETR's last layer has more than one window of each.
_EXAMPLE = (2, 560, 600)
# Rows and columns of what is computed by both.
_CHECKED = ((512, 512), (500, 513))
_TOLERANCE = 1e-4


@dataclass(frozen=True, repr=False)
class ExportReport(Tabular):
    """A graph, how far its logits are from PyTorch's, and how large these are."""

    path: Path
    largest_difference: float
    largest_logit: float

    def to_frame(self) -> "pd.DataFrame":
        """Return the largest difference and logit as a pandas DataFrame of one row."""
        import pandas as pd

        names = ("largest_difference", "largest_logit")
        return pd.DataFrame([[getattr(self, name) for name in names]], columns=names)

    def summary(self) -> str:
        """Return the differences in one line."""
        return (
            f"{self.path} written; its logits differ from PyTorch's by at most "
            f"{self.largest_difference:.1e}; the largest logit is {self.largest_logit:.3g}"
        )


def export_onnx(checkpoint_path: Path, path: Path) -> ExportReport:
    """Write a checkpoint as ONNX, and compare what both compute.

    Swin UNETR lays its windows by the size of the image; the graph is right for sides of at least
    449 pixels, and `predict` refuses smaller ones with it. (Other programs get logits of them that
    are not the network's.)

    Parameters
    ----------
    checkpoint_path : Path
        As `checkpoint.load_checkpoint` reads it.
    path : Path
        The new file; one that is there is replaced.

    Raises
    ------
    ArgumentError
        ONNX is not installed, or the graph computes something else; then nothing is written.
    SourceError
        As `checkpoint.load_checkpoint`, or the network does not tell wrinkle from background.
    OutputError
        The file can not be written.
    """
    _require_onnx()
    if not path.absolute().parent.is_dir():
        raise ArgumentError(f"there is no folder {path.absolute().parent}")
    checkpoint = load_checkpoint(checkpoint_path)
    require_two_classes(checkpoint)
    random = torch.Generator().manual_seed(0)
    channels = checkpoint.model.in_channels
    images = [torch.rand(1, channels, *shape, generator=random) * 2 - 1 for shape in _CHECKED]
    with torch.inference_mode():
        expected = [checkpoint.model(image).numpy() for image in images]
    content = _graph(checkpoint)
    run = onnx_session(content).run
    differences = [
        float(np.abs(run([OUTPUT], {INPUT: image.numpy()})[0] - logits).max())
        for image, logits in zip(images, expected, strict=True)
    ]
    largest = max(float(np.abs(logits).max()) for logits in expected)
    report = ExportReport(path, max(differences), largest)
    if report.largest_difference > _TOLERANCE * max(1.0, largest):
        raise ArgumentError(
            f"the exported graph's logits differ by {report.largest_difference:.1e} from "
            f"PyTorch's; {path} was not written. Another version of torch or onnxscript may do "
            "better"
        )
    write_bytes(path, content)
    return report


def _graph(checkpoint: Checkpoint) -> bytes:
    """The file's content; the checkpoint's network is changed on the way."""
    model = checkpoint.model
    least_side = model.open_sizes()
    batch, *shape = _EXAMPLE
    example = torch.zeros(batch, model.in_channels, *shape)
    sizes = dict.fromkeys((0, 2, 3), Dim.AUTO)  # batch, rows, columns: whatever they are
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the exporter's own libraries, for their makers
        try:
            program = torch.onnx.export(
                model.eval(),
                (example,),
                dynamo=True,
                dynamic_shapes=(sizes,),
                input_names=[INPUT],
                output_names=[OUTPUT],
                verbose=False,
            )
        except torch.onnx.OnnxExporterError as error:
            raise ArgumentError(
                f"PyTorch {torch.__version__} can not export this network "
                f"({type(error).__name__}); try newer versions of torch and onnxscript"
            ) from error
    proto: Any = program.model_proto if program else None
    noted = proto.metadata_props.add()
    noted.key = NOTE
    noted.value = json.dumps(
        {
            "network": checkpoint.network,
            "in_channels": model.in_channels,
            "texture": asdict(checkpoint.texture) if checkpoint.texture else None,
            "side": checkpoint.side,
            "least_side": least_side,
            "checkpoint_sha256": checkpoint.sha256,
            "version": __version__,
        }
    )
    return bytes(proto.SerializeToString())


def _require_onnx() -> None:
    """Say what to install, before anything takes long."""
    for name in ("onnx", "onnxscript", "onnxruntime"):
        if find_spec(name) is None:
            raise ArgumentError(f"export needs {name}: pip install 'ffhq-wrinkle[onnx]'")
