"""GPU images: photographs on their way to a GPU, and masks on their way back.

What is done to them there gives the bytes that the CPU would give.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch.nn import functional


class GpuBatch(NamedTuple):
    """Images and what a parser made of them, on a GPU.

    Attributes
    ----------
    images : torch.Tensor
        RGB, uint8, (B, H, W, 3).
    label_maps : torch.Tensor
        uint8, (B, 512, 512).
    filled : int
        How many are meant; those behind them fill the batch up.
    """

    images: torch.Tensor
    label_maps: torch.Tensor
    filled: int


class Replayed:
    """A function of tensors, whose many steps a GPU is told of in one call once it knows them.

    Told of one by one, each step waits for the interpreter's lock, which threads that read and
    write images pass around.

    Parameters
    ----------
    function : callable
        Of one or more tensors, to one; it computes on the GPU alone, the same for any content.
    """

    def __init__(self, function: Callable[..., torch.Tensor]) -> None:
        self._function = function
        self._recorded: dict[tuple[torch.Size, ...], _Recording] = {}

    def __call__(self, *inputs: torch.Tensor) -> torch.Tensor:
        """What the function gives; on a GPU it is gone with the next call."""
        if inputs[0].device.type != "cuda":
            return self._function(*inputs)
        shapes = tuple(one.shape for one in inputs)
        if shapes not in self._recorded:
            self._recorded[shapes] = _Recording(self._function, inputs)
        return self._recorded[shapes](inputs)


class _Recording:
    """A CUDA graph of a function, for inputs of certain shapes."""

    def __init__(
        self, function: Callable[..., torch.Tensor], inputs: Sequence[torch.Tensor]
    ) -> None:
        self._inputs = [one.clone() for one in inputs]
        self._graph = torch.cuda.CUDAGraph()
        with torch.cuda.device(inputs[0].device):
            # PyTorch asks for a first run aside, in which libraries take what they need.
            aside = torch.cuda.Stream()  # type: ignore[no-untyped-call]
            aside.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(aside):
                function(*self._inputs)
            torch.cuda.current_stream().wait_stream(aside)
            # Other threads may meanwhile lock memory for their images.
            with torch.cuda.graph(self._graph, stream=aside, capture_error_mode="thread_local"):
                self._output = function(*self._inputs)

    def __call__(self, inputs: Sequence[torch.Tensor]) -> torch.Tensor:
        for place, one in zip(self._inputs, inputs, strict=True):
            place.copy_(one)
        self._graph.replay()
        return self._output


def page_locked(pixels: np.ndarray) -> np.ndarray:
    """A copy in memory that the system does not move, from which a GPU fetches by itself.

    Such memory is slow to come by; PyTorch keeps what was let go for the next.
    """
    copy = torch.empty(pixels.shape, dtype=torch.uint8, pin_memory=True).numpy()
    np.copyto(copy, pixels)
    return copy


def on_device(images: Sequence[np.ndarray], device: torch.device) -> torch.Tensor:
    """Arrays of one shape as a batch, uint8 (B, ...), that may still be under way.

    They must stay as they are until the device has been waited for.
    """
    batch = torch.empty((len(images), *images[0].shape), dtype=torch.uint8, device=device)
    for place, image in zip(batch, images, strict=True):
        place.copy_(torch.from_numpy(image), non_blocking=True)
    return batch


def fetched(array: torch.Tensor) -> np.ndarray:
    """An array from a device, which is waited for."""
    if array.device.type != "cuda":
        return array.cpu().numpy()
    copy = torch.empty(array.shape, dtype=array.dtype, pin_memory=True)
    copy.copy_(array, non_blocking=True)
    # Waiting would otherwise keep a core busy, which other threads have work for.
    done = torch.cuda.Event(blocking=True)  # type: ignore[no-untyped-call]
    done.record(torch.cuda.current_stream(array.device))
    done.synchronize()
    return copy.numpy()


def halved(images: torch.Tensor) -> torch.Tensor:
    """Images at half their size by Pillow's bilinear filter, to the last bit.

    Parameters
    ----------
    images : torch.Tensor
        uint8, (B, 2S, 2S, C), S at least 2.

    Returns
    -------
    torch.Tensor
        uint8, (B, S, S, C).
    """
    return _halved(_halved(images, 2), 1)


def _halved(images: torch.Tensor, axis: int) -> torch.Tensor:
    """Along one axis: the taps 1, 3, 3, 1 of eight, at the borders 3, 3, 1 of seven."""
    pixels = images.movedim(axis, 1).to(torch.int16)
    last = pixels.shape[1] - 4
    before, first, second, after = (pixels[:, tap : last + tap - 1 : 2] for tap in (1, 2, 3, 4))
    inner = (before + after + 3 * (first + second) + 4) >> 3  # halves go up, as in Pillow
    ends = [
        # Sevenths are never half way.
        (2 * (3 * (pixels[:, one] + pixels[:, two]) + pixels[:, three]) + 7)
        .div(14, rounding_mode="floor")
        .unsqueeze(1)
        for one, two, three in ((0, 1, 2), (-1, -2, -3))
    ]
    small = torch.cat([ends[0], inner, ends[1]], dim=1)
    return small.to(torch.uint8).movedim(1, axis)


def packed_bits(masks: torch.Tensor) -> torch.Tensor:
    """Masks as bits, each as `np.packbits` has it: bool (B, H, W) to uint8 (B, ceil(H W / 8))."""
    pixels = masks.flatten(1).to(torch.uint8)
    pixels = functional.pad(pixels, (0, -pixels.shape[1] % 8))
    values = 2 ** torch.arange(7, -1, -1, dtype=torch.uint8, device=masks.device)
    return (pixels.view(len(pixels), -1, 8) * values).sum(dim=2, dtype=torch.uint8)
