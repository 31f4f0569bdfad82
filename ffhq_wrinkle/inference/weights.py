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

# Errors that torch.load raises on files that are truncated, altered or of another type.
_LOADER_ERRORS = (
    pickle.UnpicklingError, BadZipFile, OSError, EOFError, RuntimeError, ValueError, TypeError,
    KeyError, IndexError, AttributeError, OverflowError, MemoryError, AssertionError, struct.error,
)  # fmt: skip
_SCALAR = np.float64(0).__reduce__()[0]  # restores a scalar; NumPy 2 has moved it
# Types that training scripts often store beside the weights, and that are safe to load.
_HARMLESS: list[Any] = [
    argparse.Namespace,
    np.dtype,
    *(type(np.dtype(scalar)) for scalar in (np.float64, np.float32, np.int64)),
    _SCALAR,
    (_SCALAR, "numpy.core.multiarray.scalar"),  # its name in NumPy 1
]
# Prefixes that parallel training and compilation add to names.
_PREFIXES = ("module.", "_orig_mod.")
_WRAPPERS = ("state_dict", "model")
_NAMED = 3


def read_weights(path: Path) -> object:
    """Read the content of a weights file on the CPU, without running code from it.

    Raises
    ------
    SourceError
        The file is missing or damaged, or contains more than tensors and plain values.
    """
    try:
        with torch.serialization.safe_globals(_HARMLESS):
            return torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise SourceError(f"{path}: no such file") from error
    except _LOADER_ERRORS as error:
        # PyTorch's own message is left out, since it advises to load the file unsafely.
        raise SourceError(
            f"{path} is damaged, or not a weights file that is safe to load "
            f"({type(error).__name__})"
        ) from error


def named_tensors(content: object) -> dict[str, torch.Tensor]:
    """Return the tensors in a file's content by name, without wrappers and training prefixes."""
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
    """Load named tensors into a network that has exactly these.

    Counters of training steps may be missing, as in older files.

    Parameters
    ----------
    network : torch.nn.Module
        The network, changed in place.
    state : mapping
        Tensors by name, as from `named_tensors`.
    source, title
        Origin of the tensors and description of the network, for the error.

    Raises
    ------
    SourceError
        Names, shapes or types differ, or a value is not finite. The first few differences are
        listed, and the network is not changed.
    """
    own = network.state_dict()
    wanted = {name for name in own if not name.endswith("num_batches_tracked")}
    wrong = [f"lacks {name}" for name in sorted(wanted - state.keys())]
    wrong += [f"has {name}" for name in sorted(state.keys() - own.keys())]
    for name in sorted(own.keys() & state.keys()):
        value, current = state[name], own[name]
        if value.layout is not torch.strided or value.device.type != "cpu":
            wrong.append(f"has {name} as a tensor of another type ({value.layout})")
        elif value.shape != current.shape:
            wrong.append(
                f"has {name} of shape {tuple(value.shape)} instead of {tuple(current.shape)}"
            )
        elif value.is_floating_point() != current.is_floating_point() or not value.isfinite().all():
            wrong.append(f"has {name} with values that are not finite real numbers")
    if wrong:
        raise SourceError(
            f"{source} is not {title}: it {', '.join(wrong[:_NAMED])}"
            + (f" and {len(wrong) - _NAMED} more" if len(wrong) > _NAMED else "")
        )
    network.load_state_dict({**own, **state}, strict=True)


def require_same_weights(path: Path, sha256: str | None, expected: str) -> None:
    """Refuse a weights file, in another process of a run, if the run began with a different one.

    Raises
    ------
    SourceError
        The SHA-256 differs.
    """
    if sha256 != expected:
        raise SourceError(
            f"{path} on {platform.node()} has SHA-256 {sha256}, but the run began with {expected}; "
            "all workers need the same file"
        )
