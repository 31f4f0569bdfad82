"""BiSeNet: the trained face parser, with facexlib's network and the published weights."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from facexlib.parsing.bisenet import BiSeNet
from torch import nn
from torch.nn import functional

from ..errors import ArgumentError
from ..inference.devices import (
    IMAGENET_MEAN,
    IMAGENET_STD,
    batch_too_large,
    choose_device,
    exact,
    fold_batch_norm,
    laid_out,
    one_thread,
)
from ..inference.gpu_images import GpuBatch, Replayed, fetched, halved, on_device, page_locked
from ..inference.weights import (
    load_strictly,
    named_tensors,
    read_weights,
    require_same_weights,
)
from ..storage.writing import sha256_of
from .halving import resized
from .labels import CLASSES, LABEL_SIZE, FaceParser
from .ncnn_network import NcnnBiSeNet, has_ncnn
from .upsampling import upsampled_classes

log = logging.getLogger(__name__)

Engine = Literal["auto", "torch", "ncnn"]
# Relative to the largest logit. ncnn's float32 deviates by some millionths, half precision by
# hundredths.
_TOLERANCE = 1e-3
_TWICE = (2 * LABEL_SIZE, 2 * LABEL_SIZE, 3)  # shape of the images that are halved on a GPU


class BiSeNetParser(FaceParser):
    """Face parsing by BiSeNet (Yu et al. 2018), trained on CelebAMask-HQ by zllrunning.

    The image is resized to 512x512 by Pillow's bilinear filter, as in the reference code, and
    normalised by ImageNet's mean and standard deviation. The label is the class with the largest
    logit. For speed, with the same labels, batch normalisations are folded into the convolutions,
    the heads used in training only are left out, and tensors are in channels-last order.

    With a batch size of 1 each image is parsed by the thread that prepares it, except on a GPU. On
    a CPU this is fastest, with one PyTorch thread for each image. Larger batches all have the same
    size; the last one is padded. In both cases a label map does not depend on the other images of
    its batch, nor on the number of threads. The exception is a batch on a CPU, where rounding may
    decide a tie.

    Parameters
    ----------
    weights : Path
        ``79999_iter.pth`` as zllrunning publishes it, or facexlib's ``parsing_bisenet.pth``.
    device : str
        ``auto`` (CUDA if available), ``cpu``, ``cuda``, ``cuda:1``, ...
    batch_size : int, optional
        Number of images parsed at once. Default: 16 on a GPU, 1 on the CPU. ncnn parses one image
        at a time.
    engine : {"auto", "torch", "ncnn"}
        Backend for BiSeNet. ncnn runs on the CPU only, where it is faster. ``auto`` uses ncnn on a
        CPU if it is installed, and PyTorch otherwise. One label in a million may differ between the
        two. `settings` therefore names ncnn, so that a folder begun with one backend is not
        finished with the other.

    Raises
    ------
    SourceError
        The weights cannot be loaded, or belong to another network.
    ArgumentError
        The device is not available. Or ncnn was requested, but is not installed, does not run on
        this device, or gives different results from PyTorch.
    """

    name = "bisenet"
    note = "BiSeNet"

    def __init__(
        self,
        weights: Path,
        *,
        device: str = "auto",
        batch_size: int | None = None,
        engine: Engine = "auto",
    ) -> None:
        self._made_of = (weights, device, batch_size)
        self.device = choose_device(device)
        self.batch_size = batch_size or (1 if self.device.type == "cpu" else 16)
        network = load_bisenet(weights)
        self.weights_sha256 = sha256_of(weights)
        fold_batch_norm(network)
        self._network: Any = laid_out(network.to(self.device), torch.channels_last)
        self._mean, self._std = (
            torch.tensor(values, device=self.device).view(1, 3, 1, 1)
            for values in (IMAGENET_MEAN, IMAGENET_STD)
        )
        self._replayed = Replayed(self._label_maps_of)
        self._ncnn = self._accelerated(engine)
        if self._ncnn:
            self.batch_size = 1

    @property
    def _unbatched(self) -> bool:
        """Whether each image is parsed by the thread that prepares it."""
        # Not on a GPU: exact arithmetic and the recording of CUDA graphs work in one thread only.
        return self.batch_size == 1 and self.device.type != "cuda"

    def settings(self) -> dict[str, str | None]:
        """Return the settings of any parser, and the engine if it is ncnn."""
        return {**super().settings(), **({"engine": "ncnn"} if self._ncnn else {})}

    def _accelerated(self, engine: Engine) -> NcnnBiSeNet | None:
        """Return the network in ncnn if it is wanted and agrees with PyTorch, otherwise None."""
        if engine == "torch" or (engine == "auto" and self.device.type != "cpu"):
            return None
        if self.device.type != "cpu":
            raise ArgumentError(f"ncnn runs on the CPU, not on {self.device}; try --device cpu")
        if has_ncnn():
            network = NcnnBiSeNet(self._network)
            if self._agrees(network):
                log.info("BiSeNet runs in ncnn; --engine torch runs it in PyTorch")
                return network
            fault = "the installed ncnn does not give the same results as PyTorch on this CPU"
        else:
            fault = "ncnn is not installed: pip install 'ffhq-wrinkle[ncnn]'"
        if engine == "ncnn":
            raise ArgumentError(fault)
        log.info("BiSeNet runs in PyTorch, which is slower on a CPU; %s", fault)
        return None

    @torch.inference_mode()
    def _agrees(self, network: NcnnBiSeNet) -> bool:
        """Return whether the network gives the same logits for noise as PyTorch."""
        noise = np.random.default_rng(0).normal(size=(3, LABEL_SIZE, LABEL_SIZE))
        image = noise.astype(np.float32)
        expected = self._logits(torch.from_numpy(image[None]))[0].numpy()
        largest_error = np.abs(network(image) - expected).max()
        return bool(largest_error <= _TOLERANCE * np.abs(expected).max())

    def __reduce__(self) -> tuple[object, ...]:
        """Recreate the parser in another process, on its device, with the same engine."""
        engine = "ncnn" if self._ncnn else "torch"
        state = {"parts": self.parts}
        return _remade, (*self._made_of, engine, self.weights_sha256), state

    def prepare(self, image: np.ndarray, image_id: str) -> np.ndarray:
        """Resize to 512x512, except images that a GPU halves; parse too if the batch size is 1."""
        if self.device.type == "cuda":
            halves = image.shape == _TWICE
            return page_locked(image if halves else resized(image, LABEL_SIZE))
        small = resized(image, LABEL_SIZE)
        if not self._unbatched:
            return small
        label_map: np.ndarray = fetched(self._parse(on_device([small], self.device)))[0]
        return label_map

    def label_maps(self, prepared: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Run the network on batches of RGB images, unless `prepare` has done so.

        Raises
        ------
        ArgumentError
            The device has too little memory for a batch.
        """
        if self._unbatched:
            return list(prepared)
        return [
            label_map
            for batch in self._parsed(prepared)
            for label_map in fetched(batch.label_maps[: batch.filled])
        ]

    def on_gpu(self, prepared: Sequence[np.ndarray]) -> GpuBatch | None:
        """Return the batch and its label maps on a GPU, if it halves all of these images."""
        if not prepared or self.device.type != "cuda":
            return None
        if len(prepared) > self.batch_size or any(image.shape != _TWICE for image in prepared):
            return None
        return next(self._parsed(prepared))

    def _parsed(self, prepared: Sequence[np.ndarray]) -> Iterator[GpuBatch]:
        """Yield batches on the device; each is overwritten when the next one is requested."""
        for first in range(0, len(prepared), self.batch_size):
            chunk = list(prepared[first : first + self.batch_size])
            padded = chunk + chunk[-1:] * (self.batch_size - len(chunk))
            try:
                images = self._on_device(padded)
                yield GpuBatch(images, self._parse(images), len(chunk))
            except torch.OutOfMemoryError as error:
                raise batch_too_large(self.device, self.batch_size) from error

    def _on_device(self, images: Sequence[np.ndarray]) -> torch.Tensor:
        """Return images as one batch; where shapes differ, those of twice the size are halved."""
        if len({image.shape for image in images}) == 1:
            return on_device(images, self.device)
        small = [
            halved(batch) if batch.shape[1:] == _TWICE else batch
            for batch in (on_device([image], self.device) for image in images)
        ]
        return torch.cat(small)

    @torch.inference_mode()
    def _parse(self, images: torch.Tensor) -> torch.Tensor:
        """Parse RGB, uint8 (B, 512, 512, 3) or twice the size: label maps, uint8 (B, 512, 512)."""
        with one_thread() if self._unbatched and self.device.type == "cpu" else nullcontext():
            return self._replayed(images)

    def _label_maps_of(self, images: torch.Tensor) -> torch.Tensor:
        small = halved(images) if images.shape[1:] == _TWICE else images
        pixels = small.permute(0, 3, 1, 2)  # channels last
        normalised = pixels.float().div_(255).sub_(self._mean).div_(self._std)
        if self._ncnn:
            classes = upsampled_classes(self._ncnn(normalised[0].numpy()), LABEL_SIZE)
            return torch.from_numpy(classes)[None]
        with exact(self.device):
            logits = self._logits(normalised)
        if self.device.type == "cpu":
            label_maps = [upsampled_classes(scores, LABEL_SIZE) for scores in logits.numpy()]
            return torch.from_numpy(np.stack(label_maps))
        full = functional.interpolate(
            logits, (LABEL_SIZE, LABEL_SIZE), mode="bilinear", align_corners=True
        )
        return full.argmax(dim=1).to(torch.uint8)

    def _logits(self, x: torch.Tensor) -> torch.Tensor:
        """Return the logits of the main head before upsampling: (B, 19, 64, 64)."""
        network = self._network
        spatial, context, _ = network.cp(x)
        logits, _ = network.conv_out(network.ffm(spatial, context))
        return torch.as_tensor(logits)


def _remade(
    weights: Path, device: str, batch_size: int | None, engine: Engine, sha256: str
) -> BiSeNetParser:
    parser = BiSeNetParser(weights, device=device, batch_size=batch_size, engine=engine)
    require_same_weights(weights, parser.weights_sha256, sha256)
    return parser


def load_bisenet(weights: Path) -> nn.Module:
    """Build facexlib's BiSeNet with 19 classes, and load weights into it strictly.

    The parameters of zllrunning's ``79999_iter.pth`` and facexlib's ``parsing_bisenet.pth`` have
    the same names, since facexlib kept those of zllrunning's modules. A ``module.`` prefix, left by
    data-parallel training, is accepted, and so is a dict with the weights under ``state_dict`` or
    ``model``.

    Returns
    -------
    torch.nn.Module
        In evaluation mode, on the CPU.

    Raises
    ------
    SourceError
        The file is missing or is not a weights file that is safe to load, or its parameters are
        not those of this network; the first few differences are listed.
    """
    state = named_tensors(read_weights(weights))
    network: nn.Module = BiSeNet(num_class=len(CLASSES))
    load_strictly(network, state, source=weights, title=f"BiSeNet with {len(CLASSES)} classes")
    return network.eval()
