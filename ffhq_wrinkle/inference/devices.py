"""Devices: choosing a device, exact arithmetic on it, and networks arranged for inference."""

import re
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, TypeVar

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from ..errors import ArgumentError

Network = TypeVar("Network", bound=nn.Module)

# Mean and standard deviation of R, G and B in 0..1, by which networks trained on ImageNet normalise
# their input.
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


def choose_device(device: str) -> torch.device:
    """Return the device for ``auto``, ``cpu``, ``cuda``, ``cuda:N`` or ``mps``, which must exist.

    Raises
    ------
    ArgumentError
        The name is unknown, or this machine lacks the device.
    """
    require_device_name(device)
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        chosen = torch.device(device)
        torch.zeros(1, device=chosen)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise ArgumentError(
            f"device {device!r} does not exist on this machine, or PyTorch cannot use it; choose "
            "auto or cpu"
        ) from error
    return chosen


def require_device_name(device: str) -> None:
    """Refuse text that is not the name of a device.

    Raises
    ------
    ArgumentError
        The name is none of ``auto``, ``cpu``, ``cuda``, ``cuda:N`` and ``mps``.
    """
    if not re.fullmatch(r"auto|cpu|cuda(:\d{1,3})?|mps", device):
        raise ArgumentError(f"device is {device!r}; it should be auto, cpu, cuda, cuda:1 or mps")


def laid_out(network: Network, memory_format: torch.memory_format) -> Network:
    """Change the memory format of a network's weights in place, and return the network."""
    to: Any = network.to  # some versions of PyTorch lack the type of `memory_format`
    arranged: Network = to(memory_format=memory_format)
    return arranged


def lacks_memory(error: RuntimeError) -> bool:
    """Return whether PyTorch or ONNX Runtime ran out of memory, on a GPU or the CPU."""
    return isinstance(error, torch.OutOfMemoryError) or any(
        phrase in str(error).lower()
        for phrase in ("can't allocate memory", "failed to allocate memory", "bad_alloc")
    )


def batch_too_large(device: torch.device, size: int) -> ArgumentError:
    """Return the error for a batch of images that does not fit into the memory of a device."""
    return ArgumentError(
        f"{device} has too little memory for batches of {size} images; try --batch-size "
        f"{max(size // 2, 1)}"
    )


def exact(device: torch.device) -> AbstractContextManager[None]:
    """Disable TF32 and the choice of algorithms by speed on a GPU, since both change labels."""
    if device.type != "cuda":
        return nullcontext()
    flags: AbstractContextManager[None] = torch.backends.cudnn.flags(
        enabled=True, benchmark=False, deterministic=True, allow_tf32=False
    )
    return flags


@contextmanager
def one_thread() -> Iterator[None]:
    """Limit PyTorch to the calling thread, since more would change the last bits of sums.

    The number of threads is restored afterwards, for example for training in the same process.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def fold_batch_norm(module: nn.Module) -> None:
    """Fold each batch normalisation into the convolution that is defined directly before it."""
    previous_name, previous = "", module
    for name, child in list(module.named_children()):
        if isinstance(child, nn.BatchNorm2d) and isinstance(previous, nn.Conv2d):
            setattr(module, previous_name, fuse_conv_bn_eval(previous, child))
            setattr(module, name, nn.Identity())
        else:
            fold_batch_norm(child)
        previous_name, previous = name, child
