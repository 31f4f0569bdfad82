"""Predictor: a trained network at work, on batches of images as bytes."""

import hashlib
import json
import logging
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch

from ...errors import ArgumentError, SourceError
from ...inference.devices import (  # fmt: skip
    choose_device,
    exact,
    fold_batch_norm,
    lacks_memory,
    laid_out,
    require_device_name,
)
from ...inference.weights import require_same_weights
from ...weak_labels.texture import RELEASED, TextureSettings
from ..checkpoints.checkpoint import Checkpoint, load_checkpoint

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

log = logging.getLogger(__name__)

Precision = Literal["32", "bf16"]
_RGB = 3
_BATCH_ON_GPU = 4
# An exported graph's input, output and note.
INPUT, OUTPUT, NOTE = "image", "logits", "ffhq-wrinkle"
_CPU_PROVIDER, _CUDA_PROVIDER = "CPUExecutionProvider", "CUDAExecutionProvider"


class Predictor(ABC):
    """What turns network inputs into logits of wrinkle against background.

    Attributes
    ----------
    network : str
        What it runs, for records and notes.
    sha256 : str
        Of the file it was loaded from.
    in_channels : int
        3 for RGB, 4 for RGB and texture map.
    texture : TextureSettings or None
        How the texture maps were made that it was trained on; None if that is not recorded.
    side : int or None
        Of the images that it was trained on, in pixels; None if that is not recorded.
    least_side : int
        The shortest side of an image, in pixels, that it can take.
    batch_size : int
        How many images it takes at once.
    precision : {"32", "bf16"}
        Of its arithmetic.
    """

    network: str
    sha256: str
    in_channels: int
    texture: TextureSettings | None
    side: int | None
    least_side: int = 1
    batch_size: int = 1
    precision: Precision = "32"
    _made_of: "tuple[Path, str, Precision, int | None] | None" = None

    def __reduce__(self) -> tuple[object, ...]:
        """What makes it anew in another process, on the device there."""
        if self._made_of is None:
            raise ArgumentError("only what load_predictor made can go to another process")
        return _remade, (*self._made_of, self.sha256)

    def logits(
        self, inputs: Sequence[np.ndarray], *, flip: bool = False, batch_size: int | None = None
    ) -> list[np.ndarray]:
        """Logit of wrinkle against background at each pixel of each image.

        Images of one shape that follow each other are computed together. Batches have one fixed
        size, the last one filled up, so that an image's result does not depend on how many others
        there were.

        Parameters
        ----------
        inputs : sequence of np.ndarray
            uint8 (H, W, in_channels) each, as `inputs.network_input` gives them.
        flip : bool
            Average with what comes of the mirrored image (test-time augmentation).
        batch_size : int, optional
            How many to compute at once, other than the predictor's own.

        Returns
        -------
        list of np.ndarray
            float32 (H, W) each: the difference of the two classes' logits. Above 0 the larger of
            the two is wrinkle; the logistic function of it is the probability.

        Raises
        ------
        MemoryError
            The device has too little memory.
        """
        size = batch_size or self.batch_size
        found: list[np.ndarray] = []
        while len(found) < len(inputs):
            first = len(found)
            batch = [inputs[first]]
            for one in inputs[first + 1 : first + size]:
                if one.shape != batch[0].shape:
                    break
                batch.append(one)
            filled = np.stack(batch + batch[-1:] * (size - len(batch)))
            try:
                logits = self.batch_logits(filled)
                if flip:
                    mirrored = self.batch_logits(np.ascontiguousarray(filled[:, :, ::-1]))
                    logits = (logits + mirrored[:, :, ::-1]) / 2
            except RuntimeError as error:
                if lacks_memory(error):
                    raise MemoryError(str(error)) from error
                raise
            found.extend(np.ascontiguousarray(logits[: len(batch)]))
        return found

    def texture_settings(self) -> TextureSettings | None:
        """How texture maps for this network are to be made; None if it takes none."""
        if self.in_channels == _RGB:
            return None
        if self.texture is None:
            log.info("the checkpoint does not say how its texture maps were made: as released")
        return self.texture or RELEASED

    @abstractmethod
    def batch_logits(self, batch: np.ndarray) -> np.ndarray:
        """Return the logits of a batch; a subclass computes them, and `logits` makes batches.

        Parameters
        ----------
        batch : np.ndarray
            uint8 (B, H, W, in_channels).

        Returns
        -------
        np.ndarray
            float32 (B, H, W): wrinkle against background, as `logits` returns them.
        """


class TorchPredictor(Predictor):
    """A checkpoint, run by PyTorch.

    Batch normalisations are folded into their convolutions, and memory runs as suits the network:
    the same logits but for their last bits, sooner.

    Parameters
    ----------
    checkpoint : Checkpoint
        Its network is changed, and is the predictor's from now on.
    device : str
        As `inference.choose_device`.
    precision : {"32", "bf16"}
        float32, or where it can be bfloat16, on CUDA alone.
    batch_size : int, optional
        4 on a GPU and 1 on the CPU if not given.

    Raises
    ------
    ArgumentError
        The device is not there or can not do so.
    SourceError
        The network does not tell wrinkle from background.
    """

    def __init__(
        self,
        checkpoint: Checkpoint,
        *,
        device: str = "auto",
        precision: Precision = "32",
        batch_size: int | None = None,
    ) -> None:
        model = checkpoint.model
        require_two_classes(checkpoint)
        self.device = choose_device(device)
        if precision == "bf16" and self.device.type != "cuda":
            raise ArgumentError(f"precision bf16 is for CUDA, not for {self.device.type}")
        self.precision = precision
        self.network = checkpoint.network
        self.sha256 = checkpoint.sha256
        self.in_channels = model.in_channels
        self.texture = checkpoint.texture
        self.side = checkpoint.side
        self.batch_size = batch_size or (1 if self.device.type == "cpu" else _BATCH_ON_GPU)
        fold_batch_norm(model)
        self._model = laid_out(model.to(self.device), model.memory_format)

    @torch.inference_mode()
    def batch_logits(self, batch: np.ndarray) -> np.ndarray:
        """Return the logits of a batch, computed by PyTorch."""
        x = self._model.scaled(torch.from_numpy(batch).permute(0, 3, 1, 2))
        bf16 = self.precision == "bf16"
        with exact(self.device), torch.autocast("cuda", torch.bfloat16, enabled=bf16):
            background, wrinkle = self._model(x).float().unbind(dim=1)
        return np.asarray((wrinkle - background).cpu().numpy())


def require_two_classes(checkpoint: Checkpoint) -> None:
    """Refuse networks that do not tell wrinkle from background.

    Raises
    ------
    SourceError
        The network has another number of outputs than 2, or of inputs than 3 or 4.
    """
    channels = (checkpoint.model.in_channels, checkpoint.model.out_channels)
    if channels[1] == 1:
        raise SourceError(
            "the checkpoint is of stage 1: it predicts texture maps, not wrinkles. Finetune it "
            "first, or take one of stage 2"
        )
    if channels not in ((3, 2), (4, 2)):
        raise SourceError(
            f"the checkpoint has {channels[0]} -> {channels[1]} channels; wrinkles are predicted "
            "from 3 or 4 (RGB, or RGB and texture map) to 2 (background, wrinkle)"
        )


class OnnxPredictor(Predictor):
    """What `onnx_export` wrote of a checkpoint, run by ONNX Runtime.

    Parameters
    ----------
    path : Path
        The ``.onnx``.
    device, batch_size
        As `TorchPredictor`.

    Raises
    ------
    ArgumentError
        ONNX Runtime is not installed, or not with what the device needs.
    SourceError
        The file can not be read, or was not written by `onnx_export`.
    """

    def __init__(self, path: Path, *, device: str = "auto", batch_size: int | None = None) -> None:
        try:
            content = path.read_bytes()
        except OSError as error:
            raise SourceError(f"{path} can not be read: {error.strerror or error}") from error
        self.sha256 = hashlib.sha256(content).hexdigest()
        self._session = onnx_session(content, device=device, path=path)
        on_gpu = self._session.get_providers()[0] != _CPU_PROVIDER
        self.batch_size = batch_size or (_BATCH_ON_GPU if on_gpu else 1)
        try:
            noted = json.loads(self._session.get_modelmeta().custom_metadata_map[NOTE])
            self.network = f"{noted['network']} (ONNX)"
            self.in_channels = int(noted["in_channels"])
            self.side = noted["side"]
            self.least_side = int(noted["least_side"])
            if self._session.get_inputs()[0].shape[1] != self.in_channels:
                raise ValueError("the graph has other channels")
            self.texture = TextureSettings(**noted["texture"]) if noted["texture"] else None
        except (KeyError, ValueError, TypeError) as error:
            raise SourceError(
                f"{path} was not written by `ffhq-wrinkle export`: its note is missing or wrong"
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
    """Have ONNX Runtime load a graph.

    Raises
    ------
    ArgumentError
        ONNX Runtime is not installed, or not with what the device needs.
    SourceError
        The content is no graph.
    """
    try:
        import onnxruntime
        from onnxruntime.capi import onnxruntime_pybind11_state as state
    except ImportError as error:
        raise ArgumentError(
            "an .onnx needs onnxruntime: pip install 'ffhq-wrinkle[onnx]'"
        ) from error
    require_device_name(device)
    if device == "mps":
        raise ArgumentError("an .onnx runs on cpu or cuda, not on mps")
    wanted: list[Any] = [_CPU_PROVIDER]
    if _CUDA_PROVIDER in onnxruntime.get_available_providers() and device != "cpu":
        number = device.partition(":")[2] or "0"
        wanted.insert(0, (_CUDA_PROVIDER, {"device_id": number}))
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = torch.get_num_threads()
    refusals = (
        state.Fail, state.InvalidArgument, state.InvalidGraph, state.InvalidProtobuf,
        state.NoModel, state.NotImplemented, RuntimeError, ValueError,
    )  # fmt: skip
    try:
        session = onnxruntime.InferenceSession(content, options, providers=wanted)
    except refusals as error:
        raise SourceError(f"{path or 'the graph'} is damaged, or no ONNX graph") from error
    if device.startswith("cuda") and session.get_providers()[0] != _CUDA_PROVIDER:
        raise ArgumentError("this ONNX Runtime can not use CUDA; install onnxruntime-gpu")
    return session


def load_predictor(
    path: Path,
    *,
    device: str = "auto",
    precision: Precision = "32",
    batch_size: int | None = None,
) -> Predictor:
    """Load whatever predicts wrinkles: a checkpoint, or what `export` wrote of one.

    Parameters
    ----------
    path : Path
        A checkpoint as `checkpoint.load_checkpoint` reads it, or an ``.onnx``.
    device, precision, batch_size
        As `TorchPredictor`.

    Raises
    ------
    SourceError, ArgumentError
        As `checkpoint.load_checkpoint` and `TorchPredictor`.
    """
    if path.suffix == ".onnx":
        if precision != "32":
            raise ArgumentError("an .onnx computes in the precision it was exported with")
        predictor: Predictor = OnnxPredictor(path, device=device, batch_size=batch_size)
    else:
        checkpoint = load_checkpoint(path)
        predictor = TorchPredictor(
            checkpoint, device=device, precision=precision, batch_size=batch_size
        )
    predictor._made_of = (path, device, precision, batch_size)
    return predictor


def _remade(
    path: Path, device: str, precision: Precision, batch_size: int | None, sha256: str
) -> Predictor:
    predictor = load_predictor(path, device=device, precision=precision, batch_size=batch_size)
    require_same_weights(path, predictor.sha256, sha256)
    return predictor
