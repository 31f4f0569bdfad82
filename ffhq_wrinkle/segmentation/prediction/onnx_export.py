"""ONNX export: a checkpoint as a graph that other programs can run, for images of any size.

The input of the graph is that of the network, float32 (B, C, H, W) in -1..1, which the graph pads
and crops itself. Its output is the logits of both classes. Everything else that `predict` needs is
stored in the file as a note.
"""

import json
import warnings
from collections.abc import Mapping
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
from ..checkpoints.model_record import read_model_record
from .onnx_network import INPUT, NOTE, OUTPUT, onnx_session
from .torch_network import require_two_classes

if TYPE_CHECKING:
    import pandas as pd

# Batch, rows and columns of the example that is traced. Swin UNETR has to pad both sides, and its
# last layer has more than one window along each.
_EXAMPLE = (2, 560, 600)
# Rows and columns of the images for which the results of ONNX Runtime and PyTorch are compared.
_CHECKED = ((512, 512), (500, 513))
_TOLERANCE = 1e-4


@dataclass(frozen=True, repr=False)
class ExportReport(Tabular):
    """An exported graph: its file, its largest difference from PyTorch, and the largest logit."""

    path: Path
    largest_difference: float
    largest_logit: float

    def to_frame(self) -> "pd.DataFrame":
        """Return the largest difference and logit as a pandas DataFrame of one row."""
        import pandas as pd

        names = ("largest_difference", "largest_logit")
        return pd.DataFrame([[getattr(self, name) for name in names]], columns=names)

    def summary(self) -> str:
        """Return the file, the largest difference and the largest logit in one line."""
        return (
            f"{self.path} written; its logits differ from PyTorch's by at most "
            f"{self.largest_difference:.1e}; the largest logit is {self.largest_logit:.3g}"
        )


def export_onnx(checkpoint_path: Path, path: Path) -> ExportReport:
    """Write a checkpoint as ONNX, after comparing its results with those of PyTorch.

    The windows of Swin UNETR depend on the size of the image. Its graph is correct for sides of at
    least 449 pixels, and `predict` refuses smaller images with it. In other programs, smaller
    images give logits that differ from those of the network.

    Parameters
    ----------
    checkpoint_path : Path
        A checkpoint that `checkpoint.load_checkpoint` reads.
    path : Path
        The new file; an existing one is replaced.

    Raises
    ------
    ArgumentError
        ONNX is not installed, or the results of the graph differ; then nothing is written.
    SourceError
        As in `checkpoint.load_checkpoint`, or the outputs of the network are not background and
        wrinkle.
    OutputError
        The file cannot be written.
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
    content = _graph(checkpoint, read_model_record(checkpoint_path))
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
            f"PyTorch's; {path} was not written. Try another version of torch or onnxscript"
        )
    write_bytes(path, content)
    return report


def _graph(checkpoint: Checkpoint, record: Mapping[str, Any] | None) -> bytes:
    """Return the content of the file; this modifies the network of the checkpoint.

    The note has the record of the checkpoint, `model.json`, or None.
    """
    model = checkpoint.model
    least_side = model.open_sizes()
    batch, *shape = _EXAMPLE
    example = torch.zeros(batch, model.in_channels, *shape)
    sizes = dict.fromkeys((0, 2, 3), Dim.AUTO)  # of batch, rows and columns
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # they concern the code of the exporter's libraries
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
                f"PyTorch {torch.__version__} cannot export this network "
                f"({type(error).__name__}); try newer versions of torch and onnxscript"
            ) from error
    proto: Any = program.model_proto if program else None
    note = proto.metadata_props.add()
    note.key = NOTE
    note.value = json.dumps(
        {
            "network": checkpoint.network,
            "in_channels": model.in_channels,
            "texture": asdict(checkpoint.texture) if checkpoint.texture else None,
            "face_side": checkpoint.side,
            "aligned": checkpoint.aligned,
            "least_side": least_side,
            "checkpoint_sha256": checkpoint.sha256,
            "version": __version__,
            "model": record,
        }
    )
    return bytes(proto.SerializeToString())


def _require_onnx() -> None:
    """Refuse to start if a library is missing, and name it."""
    for name in ("onnx", "onnxscript", "onnxruntime"):
        if find_spec(name) is None:
            raise ArgumentError(f"export requires {name}: pip install 'ffhq-wrinkle[onnx]'")
