"""GPU images: transfer of photographs to a GPU and of masks back, and operations on both.

The operations give the same bytes as on the CPU.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch.nn import functional


class GpuBatch(NamedTuple):
    """Images and their label maps, on a GPU.

    Attributes
    ----------
    images : torch.Tensor
        RGB, uint8, (B, H, W, 3).
    label_maps : torch.Tensor
        uint8, (B, 512, 512).
    filled : int
        Number of images that count; those after them are padding.
    """

    images: torch.Tensor
    label_maps: torch.Tensor
    filled: int


class Replayed:
    """A function of tensors whose steps are recorded on a GPU and then replayed in one call.

    Without a recording, each step waits for the interpreter's lock, which threads that read and
    write images hold in turn.

    Parameters
    ----------
    function : callable
        Takes one or more tensors and returns one. It computes on the GPU only, and its steps do not
        depend on the values of its input.
    """

    def __init__(self, function: Callable[..., torch.Tensor]) -> None:
        self._function = function
        self._recorded: dict[tuple[torch.Size, ...], _Recording] = {}

    def __call__(self, *inputs: torch.Tensor) -> torch.Tensor:
        """Return the function's result; on a GPU the next call overwrites it."""
        if inputs[0].device.type != "cuda":
            return self._function(*inputs)
        shapes = tuple(tensor.shape for tensor in inputs)
        if shapes not in self._recorded:
            self._recorded[shapes] = _Recording(self._function, inputs)
        return self._recorded[shapes](inputs)


class _Recording:
    """A CUDA graph of a function, for inputs of fixed shapes."""

    def __init__(
        self, function: Callable[..., torch.Tensor], inputs: Sequence[torch.Tensor]
    ) -> None:
        self._inputs = [tensor.clone() for tensor in inputs]
        self._graph = torch.cuda.CUDAGraph()
        with torch.cuda.device(inputs[0].device):
            # PyTorch requires a first run in a side stream, in which libraries allocate memory.
            side_stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
            side_stream.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(side_stream):
                function(*self._inputs)
            torch.cuda.current_stream().wait_stream(side_stream)
            # "thread_local", since other threads may page-lock memory for images at the same time.
            with torch.cuda.graph(
                self._graph, stream=side_stream, capture_error_mode="thread_local"
            ):
                self._output = function(*self._inputs)

    def __call__(self, inputs: Sequence[torch.Tensor]) -> torch.Tensor:
        for recorded, tensor in zip(self._inputs, inputs, strict=True):
            recorded.copy_(tensor)
        self._graph.replay()
        return self._output


def page_locked(pixels: np.ndarray) -> np.ndarray:
    """Return a copy in page-locked memory, which a GPU reads without the CPU.

    The allocation of such memory is slow. PyTorch therefore keeps freed memory for the next copy.
    """
    copy = torch.empty(pixels.shape, dtype=torch.uint8, pin_memory=True).numpy()
    np.copyto(copy, pixels)
    return copy


def on_device(images: Sequence[np.ndarray], device: torch.device) -> torch.Tensor:
    """Return arrays of the same shape as a batch, uint8 (B, ...), whose copy may still be pending.

    The arrays must not change until the device has been synchronised.
    """
    batch = torch.empty((len(images), *images[0].shape), dtype=torch.uint8, device=device)
    for target, image in zip(batch, images, strict=True):
        target.copy_(torch.from_numpy(image), non_blocking=True)
    return batch


def fetched(array: torch.Tensor) -> np.ndarray:
    """Synchronise with the device of a tensor, and return the tensor as an array."""
    if array.device.type != "cuda":
        return array.cpu().numpy()
    copy = torch.empty(array.shape, dtype=array.dtype, pin_memory=True)
    copy.copy_(array, non_blocking=True)
    # A wait that is not blocking would keep a core busy, which other threads need.
    copied = torch.cuda.Event(blocking=True)  # type: ignore[no-untyped-call]
    copied.record(torch.cuda.current_stream(array.device))
    copied.synchronize()
    return copy.numpy()


def halved(images: torch.Tensor) -> torch.Tensor:
    """Return images at half their size, bit for bit as by Pillow's bilinear filter.

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
    """Halve one axis by the taps 1, 3, 3, 1 over eight, at the borders 3, 3, 1 over seven."""
    pixels = images.movedim(axis, 1).to(torch.int16)
    last = pixels.shape[1] - 4
    before, first, second, after = (pixels[:, tap : last + tap - 1 : 2] for tap in (1, 2, 3, 4))
    inside = (before + after + 3 * (first + second) + 4) >> 3  # halves are rounded up, as in Pillow
    ends = [
        # A seventh is never halfway between two integers.
        (2 * (3 * (pixels[:, outer] + pixels[:, middle]) + pixels[:, inner]) + 7)
        .div(14, rounding_mode="floor")
        .unsqueeze(1)
        for outer, middle, inner in ((0, 1, 2), (-1, -2, -3))
    ]
    small = torch.cat([ends[0], inside, ends[1]], dim=1)
    return small.to(torch.uint8).movedim(1, axis)


def packed_bits(masks: torch.Tensor) -> torch.Tensor:
    """Pack masks into bits as `np.packbits` does: bool (B, H, W) to uint8 (B, ceil(H W / 8))."""
    pixels = masks.flatten(1).to(torch.uint8)
    pixels = functional.pad(pixels, (0, -pixels.shape[1] % 8))
    values = 2 ** torch.arange(7, -1, -1, dtype=torch.uint8, device=masks.device)
    return (pixels.view(len(pixels), -1, 8) * values).sum(dim=2, dtype=torch.uint8)
