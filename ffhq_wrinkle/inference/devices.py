"""Inference: what a trained network needs to run: a device, exact arithmetic, fewer layers."""

import re
from contextlib import AbstractContextManager, nullcontext
from typing import Any, TypeVar

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from ..errors import ArgumentError

Network = TypeVar("Network", bound=nn.Module)

# Of R, G and B in 0..1, by which networks trained on ImageNet have their inputs normalised.
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


def choose_device(device: str) -> torch.device:
    """Turn ``auto``, ``cpu``, ``cuda``, ``cuda:N`` or ``mps`` into a device that is there.

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
        raise ArgumentError(f"device {device!r} is not there, or can not be used") from error
    return chosen


def require_device_name(device: str) -> None:
    """Refuse what is the name of no device.

    Raises
    ------
    ArgumentError
        It is none of ``auto``, ``cpu``, ``cuda``, ``cuda:N`` and ``mps``.
    """
    if not re.fullmatch(r"auto|cpu|cuda(:\d{1,3})?|mps", device):
        raise ArgumentError(f"device is {device!r}; it should be auto, cpu, cuda, cuda:1 or mps")


def laid_out(network: Network, memory_format: torch.memory_format) -> Network:
    """A network, itself, with its weights in this order in memory."""
    to: Any = network.to  # some versions of PyTorch do not tell type checkers of the format
    arranged: Network = to(memory_format=memory_format)
    return arranged


def lacks_memory(error: RuntimeError) -> bool:
    """Whether PyTorch, or ONNX Runtime, failed for want of memory, on a GPU or the CPU."""
    return isinstance(error, torch.OutOfMemoryError) or any(
        said in str(error).lower()
        for said in ("can't allocate memory", "failed to allocate memory", "bad_alloc")
    )


def batch_too_large(device: torch.device, size: int) -> ArgumentError:
    """What to tell people when a batch of faces finds no room on a device."""
    return ArgumentError(
        f"{device} has too little memory for batches of {size} images; try --batch-size "
        f"{max(size // 2, 1)}"
    )


def exact(device: torch.device) -> AbstractContextManager[None]:
    """Keep a GPU from TF32 and from choosing algorithms by their speed, which changes labels."""
    if device.type != "cuda":
        return nullcontext()
    flags: AbstractContextManager[None] = torch.backends.cudnn.flags(
        enabled=True, benchmark=False, deterministic=True, allow_tf32=False
    )
    return flags


def fold_batch_norm(module: nn.Module) -> None:
    """Fold each batch normalisation into the convolution defined just before it."""
    previous_name, previous = "", module
    for name, child in list(module.named_children()):
        if isinstance(child, nn.BatchNorm2d) and isinstance(previous, nn.Conv2d):
            setattr(module, previous_name, fuse_conv_bn_eval(previous, child))
            setattr(module, name, nn.Identity())
        else:
            fold_batch_norm(child)
        previous_name, previous = name, child
