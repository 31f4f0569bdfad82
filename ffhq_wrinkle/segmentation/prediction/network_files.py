"""Network files: loading of a checkpoint or an ``.onnx`` file for prediction."""

from functools import partial
from pathlib import Path

from ...errors import ArgumentError
from ...inference.weights import require_same_weights
from ..checkpoints.checkpoint import load_checkpoint
from .onnx_network import OnnxNetwork
from .torch_network import TorchNetwork
from .trained_network import Precision, TrainedNetwork


def load_network(
    path: Path,
    *,
    device: str = "auto",
    precision: Precision = "32",
    batch_size: int | None = None,
) -> TrainedNetwork:
    """Load a network that predicts wrinkles.

    Parameters
    ----------
    path : Path
        A checkpoint that `checkpoint.load_checkpoint` reads, or an ``.onnx`` file.
    device, precision, batch_size
        As in `torch_network.TorchNetwork`.

    Raises
    ------
    SourceError, ArgumentError
        As in `checkpoint.load_checkpoint`, `torch_network.TorchNetwork` and
        `onnx_network.OnnxNetwork`.
    """
    network: TrainedNetwork
    if path.suffix == ".onnx":
        if precision != "32":
            raise ArgumentError("an .onnx file computes in the precision it was exported with")
        network = OnnxNetwork(path, device=device, batch_size=batch_size)
    else:
        network = TorchNetwork(
            load_checkpoint(path), device=device, precision=precision, batch_size=batch_size
        )
    network.loaded_by = partial(
        _load_same, path, device, precision, batch_size, sha256=network.sha256
    )
    return network


def _load_same(
    path: Path, device: str, precision: Precision, batch_size: int | None, *, sha256: str
) -> TrainedNetwork:
    """Load a network in another process, which must have the same file."""
    network = load_network(path, device=device, precision=precision, batch_size=batch_size)
    require_same_weights(path, network.sha256, sha256)
    return network
