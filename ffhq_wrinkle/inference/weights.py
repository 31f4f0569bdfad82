"""Weights: files of trained parameters, read safely and loaded strictly."""

import argparse
import pickle
import platform
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import torch
from torch import nn

from ..errors import SourceError

# What torch.load raises on files that are cut short, altered or of another kind.
_LOADER_ERRORS = (
    pickle.UnpicklingError, BadZipFile, OSError, EOFError, RuntimeError, ValueError, TypeError,
    KeyError, IndexError, AttributeError, OverflowError, MemoryError, AssertionError, struct.error,
)  # fmt: skip
_SCALAR = np.float64(0).__reduce__()[0]  # what makes a scalar again; its place has moved
# What training scripts like to keep beside the weights, and what can do nothing.
_HARMLESS: list[Any] = [
    argparse.Namespace,
    np.dtype,
    *(type(np.dtype(kind)) for kind in (np.float64, np.float32, np.int64)),
    _SCALAR,
    (_SCALAR, "numpy.core.multiarray.scalar"),  # as NumPy 1 wrote it
]
# What parallel training and compilation put before names.
_PREFIXES = ("module.", "_orig_mod.")
_WRAPPERS = ("state_dict", "model")
_NAMED = 3


def read_weights(path: Path) -> object:
    """Read what a file of weights holds, on the CPU, running no code of it.

    Raises
    ------
    SourceError
        The file is not there, is damaged, or holds more than tensors and plain values.
    """
    try:
        with torch.serialization.safe_globals(_HARMLESS):
            return torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise SourceError(f"{path}: no such file") from error
    except _LOADER_ERRORS as error:
        # PyTorch's own message advises to load it unsafely; that is not repeated here.
        raise SourceError(
            f"{path} is damaged, or not a weights file that is safe to load "
            f"({type(error).__name__})"
        ) from error


def named_tensors(content: object) -> dict[str, torch.Tensor]:
    """The tensors in what a file holds, by name, without wrappers and prefixes of training."""
    for wrapper in _WRAPPERS:
        if isinstance(content, Mapping) and isinstance(content.get(wrapper), Mapping):
            content = content[wrapper]
    if not isinstance(content, Mapping):
        return {}
    return {
        _bare(str(name)): value
        for name, value in content.items()
        if isinstance(value, torch.Tensor)
    }


def _bare(name: str) -> str:
    while name.startswith(_PREFIXES):
        name = name.partition(".")[2]
    return name


def load_strictly(
    network: nn.Module, state: Mapping[str, torch.Tensor], *, source: Path | str, title: str
) -> None:
    """Load named tensors into a network that has just these.

    Counters of training steps, which older files lack, may be missing.

    Parameters
    ----------
    network : torch.nn.Module
        Changed in place.
    state : mapping
        As `named_tensors` gives it.
    source, title
        Where the tensors are from and what the network is, for the error.

    Raises
    ------
    SourceError
        Names, shapes or kinds of number are others, or a value is not finite; the first few are
        named. Nothing was changed.
    """
    own = network.state_dict()
    wanted = {name for name in own if not name.endswith("num_batches_tracked")}
    wrong = [f"lacks {name}" for name in sorted(wanted - state.keys())]
    wrong += [f"has {name}" for name in sorted(state.keys() - own.keys())]
    for name in sorted(own.keys() & state.keys()):
        value, there = state[name], own[name]
        if value.layout is not torch.strided or value.device.type != "cpu":
            wrong.append(f"has {name} as a tensor of another kind ({value.layout})")
        elif value.shape != there.shape:
            wrong.append(f"has {name} of shape {tuple(value.shape)} for {tuple(there.shape)}")
        elif value.is_floating_point() != there.is_floating_point() or not value.isfinite().all():
            wrong.append(f"has {name} with values that are no finite real numbers")
    if wrong:
        raise SourceError(
            f"{source} is not {title}: it {', '.join(wrong[:_NAMED])}"
            + (f" and {len(wrong) - _NAMED} more" if len(wrong) > _NAMED else "")
        )
    network.load_state_dict({**own, **state}, strict=True)


def require_same_weights(path: Path, found: str | None, wanted: str) -> None:
    """Refuse, in another process of a run, a file that is not the one that the run began with.

    Raises
    ------
    SourceError
        The SHA-256 that was found is another.
    """
    if found != wanted:
        raise SourceError(
            f"{path} on {platform.node()} has SHA-256 {found}, and not {wanted} as where the run "
            "began; all workers need the same file"
        )
