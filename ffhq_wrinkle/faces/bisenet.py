"""BiSeNet: the trained face parser, from facexlib's network and the published weights."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
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
# Of the largest logit. ncnn's float32 is off by some millionths, half precision by hundredths.
_TOLERANCE = 1e-3
_TWICE = (2 * LABEL_SIZE, 2 * LABEL_SIZE, 3)  # images that a GPU halves


class BiSeNetParser(FaceParser):
    """Face parsing by BiSeNet (Yu et al. 2018), trained on CelebAMask-HQ by zllrunning.

    The image is resized to 512x512 by Pillow's bilinear filter, as in the reference code, and
    normalised by ImageNet's mean and standard deviation; the label is the class with the largest
    logit. Convolutions and their batch normalisations are folded into one, the heads that only
    serve training are left out, and memory runs channels last: the same labels, sooner.

    A batch size of 1 leaves each image to the thread that prepares it, but on a GPU; on a CPU that
    is quickest, with one PyTorch thread for each image. Larger batches have one fixed size, the
    last one filled up. Either way a label map depends neither on which images were parsed together
    nor on how many threads there are (but for batches on a CPU, where the sum of a tie may).

    Parameters
    ----------
    weights : Path
        ``79999_iter.pth`` as zllrunning publishes it, or facexlib's ``parsing_bisenet.pth``.
    device : str
        ``auto`` (CUDA where there is one), ``cpu``, ``cuda``, ``cuda:1``, ...
    batch_size : int, optional
        Images parsed at once; 16 on a GPU and 1 on the CPU if not given. ncnn takes one at a time.
    engine : {"auto", "torch", "ncnn"}
        What computes the network. ncnn is for the CPU, and quicker there; ``auto`` takes it where
        it is installed, and PyTorch elsewhere. A label in a million may differ between the two, so
        `settings` name ncnn, and no folder is begun with one and finished with the other.

    Raises
    ------
    SourceError
        The weights can not be loaded, or are of another network.
    ArgumentError
        The device is not there; or ncnn was asked for and is not installed, not for this device, or
        does not compute what PyTorch does.
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
    def _alone(self) -> bool:
        """Whether each image is parsed by the thread that prepares it."""
        # Not on a GPU: what keeps its arithmetic exact, and records it, is for one thread.
        return self.batch_size == 1 and self.device.type != "cuda"

    def settings(self) -> dict[str, str | None]:
        """As of any parser, and ncnn where that computes; PyTorch, the standard, is not named."""
        return {**super().settings(), **({"engine": "ncnn"} if self._ncnn else {})}

    def _accelerated(self, engine: Engine) -> NcnnBiSeNet | None:
        """The network in ncnn, if it is wanted and computes what PyTorch does."""
        if engine == "torch" or (engine == "auto" and self.device.type != "cpu"):
            return None
        if self.device.type != "cpu":
            raise ArgumentError(f"ncnn is for the CPU, not for {self.device}; try --device cpu")
        if has_ncnn():
            network = NcnnBiSeNet(self._network)
            if self._agrees(network):
                log.info("BiSeNet runs in ncnn; --engine torch has it run in PyTorch")
                return network
            fault = "this ncnn does not compute what PyTorch does on this CPU"
        else:
            fault = "ncnn is not installed: pip install 'ffhq-wrinkle[ncnn]'"
        if engine == "ncnn":
            raise ArgumentError(fault)
        log.info("BiSeNet runs in PyTorch, which takes longer on a CPU; %s", fault)
        return None

    @torch.inference_mode()
    def _agrees(self, network: NcnnBiSeNet) -> bool:
        """Whether logits of noise are PyTorch's."""
        noise = np.random.default_rng(0).normal(size=(3, LABEL_SIZE, LABEL_SIZE))
        image = noise.astype(np.float32)
        expected = self._logits(torch.from_numpy(image[None]))[0].numpy()
        worst = np.abs(network(image) - expected).max()
        return bool(worst <= _TOLERANCE * np.abs(expected).max())

    def __reduce__(self) -> tuple[object, ...]:
        """What makes it anew in another process, on the device there, in the same engine."""
        engine = "ncnn" if self._ncnn else "torch"
        return _remade, (*self._made_of, engine, self.weights_sha256)

    def prepare(self, image: np.ndarray, image_id: str) -> np.ndarray:
        """Resize to 512x512, if not on a GPU; alone, parse too."""
        if self.device.type == "cuda":
            halves = image.shape == _TWICE
            return page_locked(image if halves else resized(image, LABEL_SIZE))
        small = resized(image, LABEL_SIZE)
        if not self._alone:
            return small
        label_map: np.ndarray = fetched(self._parse(on_device([small], self.device)))[0]
        return label_map

    def label_maps(self, prepared: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Run the network on batches of RGB images, where `prepare` has not done so.

        Raises
        ------
        ArgumentError
            The device has too little memory for a batch.
        """
        if self._alone:
            return list(prepared)
        return [
            label_map
            for batch in self._parsed(prepared)
            for label_map in fetched(batch.label_maps[: batch.filled])
        ]

    def on_gpu(self, prepared: Sequence[np.ndarray]) -> GpuBatch | None:
        """The batch and its label maps on a GPU, if they are of images that it halves."""
        if not prepared or self.device.type != "cuda":
            return None
        if len(prepared) > self.batch_size or any(one.shape != _TWICE for one in prepared):
            return None
        return next(self._parsed(prepared))

    def _parsed(self, prepared: Sequence[np.ndarray]) -> Iterator[GpuBatch]:
        """Batch by batch, on the device; each is gone when the next is asked for."""
        for first in range(0, len(prepared), self.batch_size):
            chunk = list(prepared[first : first + self.batch_size])
            filled = chunk + chunk[-1:] * (self.batch_size - len(chunk))
            try:
                images = self._on_device(filled)
                yield GpuBatch(images, self._parse(images), len(chunk))
            except torch.OutOfMemoryError as error:
                raise batch_too_large(self.device, self.batch_size) from error

    def _on_device(self, images: Sequence[np.ndarray]) -> torch.Tensor:
        """Images of one shape as they are; of others those of twice the size halved."""
        if len({one.shape for one in images}) == 1:
            return on_device(images, self.device)
        small = [
            halved(one) if one.shape[1:] == _TWICE else one
            for one in (on_device([image], self.device) for image in images)
        ]
        return torch.cat(small)

    @torch.inference_mode()
    def _parse(self, images: torch.Tensor) -> torch.Tensor:
        """RGB, uint8 (B, 512, 512, 3) or twice the size, to label maps, uint8 (B, 512, 512)."""
        with _one_thread() if self._alone and self.device.type == "cpu" else nullcontext():
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
            each = [upsampled_classes(one, LABEL_SIZE) for one in logits.numpy()]
            return torch.from_numpy(np.stack(each))
        full = functional.interpolate(
            logits, (LABEL_SIZE, LABEL_SIZE), mode="bilinear", align_corners=True
        )
        return full.argmax(dim=1).to(torch.uint8)

    def _logits(self, x: torch.Tensor) -> torch.Tensor:
        """The network's main head before up-sampling: (B, 19, 64, 64)."""
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


@contextmanager
def _one_thread() -> Iterator[None]:
    """Have PyTorch compute with the calling thread alone; more would change the last bits of sums.

    What ran before and runs after, as training does in the same process, keeps its threads.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def load_bisenet(weights: Path) -> nn.Module:
    """Build facexlib's BiSeNet with 19 classes, and load weights into it strictly.

    The parameters of zllrunning's ``79999_iter.pth`` and facexlib's ``parsing_bisenet.pth`` bear
    the same names, since facexlib kept those of zllrunning's modules. A ``module.`` prefix, which
    data-parallel training leaves, and a dict that holds the weights under ``state_dict`` or
    ``model`` are accepted too.

    Returns
    -------
    torch.nn.Module
        In evaluation mode, on the CPU.

    Raises
    ------
    SourceError
        The file is not there, is not a file of weights that is safe to load, or its parameters
        are not this network's; the first few that differ are named.
    """
    state = named_tensors(read_weights(weights))
    network: nn.Module = BiSeNet(num_class=len(CLASSES))
    load_strictly(network, state, source=weights, title=f"BiSeNet with {len(CLASSES)} classes")
    return network.eval()
