"""Wrinkle segmentation: networks, training, prediction and evaluation."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .checkpoints.checkpoint import load_checkpoint, save_checkpoint
    from .checkpoints.pretrained import load_pretrained
    from .networks.catalogue import create_model

# The module of each name, which is loaded at first use, since PyTorch takes long to load.
_MODULES = {
    "create_model": "networks.catalogue",
    "load_checkpoint": "checkpoints.checkpoint",
    "load_pretrained": "checkpoints.pretrained",
    "save_checkpoint": "checkpoints.checkpoint",
}
__all__ = ["create_model", "load_checkpoint", "load_pretrained", "save_checkpoint"]


def __getattr__(name: str) -> object:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_MODULES[name]}", __name__), name)
