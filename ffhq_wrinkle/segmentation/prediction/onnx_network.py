"""ONNX network: a graph that `onnx_export` wrote, run by ONNX Runtime."""

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from ...errors import ArgumentError, SourceError
from ...inference.devices import require_device_name
from ...weak_labels.texture import TextureSettings
from .trained_network import BATCH_ON_GPU, TrainedNetwork

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

# Names of an exported graph's input, output and note.
INPUT, OUTPUT, NOTE = "image", "logits", "ffhq-wrinkle"
_CPU_PROVIDER, _CUDA_PROVIDER = "CPUExecutionProvider", "CUDAExecutionProvider"


class OnnxNetwork(TrainedNetwork):
    """A graph that `onnx_export` wrote, run by ONNX Runtime.

    Parameters
    ----------
    path : Path
        The ``.onnx`` file.
    device, batch_size
        As in `torch_network.TorchNetwork`.

    Raises
    ------
    ArgumentError
        ONNX Runtime is not installed, or does not support the device.
    SourceError
        The file cannot be read, or was not written by `onnx_export`.
    """

    def __init__(self, path: Path, *, device: str = "auto", batch_size: int | None = None) -> None:
        try:
            content = path.read_bytes()
        except OSError as error:
            raise SourceError(f"{path} cannot be read: {error.strerror or error}") from error
        self.sha256 = hashlib.sha256(content).hexdigest()
        self._session = onnx_session(content, device=device, path=path)
        on_gpu = self._session.get_providers()[0] != _CPU_PROVIDER
        self.batch_size = batch_size or (BATCH_ON_GPU if on_gpu else 1)
        try:
            note = json.loads(self._session.get_modelmeta().custom_metadata_map[NOTE])
            self.name = f"{note['network']} (ONNX)"
            self.in_channels = int(note["in_channels"])
            # Older exports have "side" instead, which may be the side of crops.
            self.side = note.get("face_side")
            self.aligned = bool(note.get("aligned"))
            self.least_side = int(note["least_side"])
            if self._session.get_inputs()[0].shape[1] != self.in_channels:
                raise ValueError("the graph has a different number of channels")
            self.texture = TextureSettings(**note["texture"]) if note["texture"] else None
        except (KeyError, ValueError, TypeError) as error:
            raise SourceError(
                f"{path} was not written by `ffhq-wrinkle export`: its note is missing or invalid"
            ) from error

    def batch_logits(self, batch: np.ndarray) -> np.ndarray:
        """Return the logits of a batch, computed by ONNX Runtime."""
        x = batch.transpose(0, 3, 1, 2).astype(np.float32)
        x /= 255
        x *= 2
        x -= 1
        logits = self._session.run([OUTPUT], {INPUT: x})[0]
        return np.asarray(logits[:, 1] - logits[:, 0])


def onnx_session(
    content: bytes, *, device: str = "cpu", path: Path | None = None
) -> "InferenceSession":
    """Load a graph into ONNX Runtime.

    Raises
    ------
    ArgumentError
        ONNX Runtime is not installed, or does not support the device.
    SourceError
        The content is not a graph.
    """
    try:
        import onnxruntime
        from onnxruntime.capi import onnxruntime_pybind11_state as state
    except ImportError as error:
        raise ArgumentError(
            "an .onnx file requires onnxruntime: pip install 'ffhq-wrinkle[onnx]'"
        ) from error
    require_device_name(device)
    if device == "mps":
        raise ArgumentError("an .onnx file runs on cpu or cuda, not on mps")
    providers: list[Any] = [_CPU_PROVIDER]
    if _CUDA_PROVIDER in onnxruntime.get_available_providers() and device != "cpu":
        number = device.partition(":")[2] or "0"
        providers.insert(0, (_CUDA_PROVIDER, {"device_id": number}))
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = torch.get_num_threads()
    refusals = (
        state.Fail, state.InvalidArgument, state.InvalidGraph, state.InvalidProtobuf,
        state.NoModel, state.NotImplemented, RuntimeError, ValueError,
    )  # fmt: skip
    try:
        session = onnxruntime.InferenceSession(content, options, providers=providers)
    except refusals as error:
        raise SourceError(f"{path or 'the graph'} is damaged or not an ONNX graph") from error
    if device.startswith("cuda") and session.get_providers()[0] != _CUDA_PROVIDER:
        raise ArgumentError("this ONNX Runtime cannot use CUDA; install onnxruntime-gpu")
    return session
