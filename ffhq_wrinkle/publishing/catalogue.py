"""Catalogue: the formats in which data sets are published.

To add one, write a module of `targets` and enter its class in `TARGETS`.
"""

from .target import Target
from .targets.huggingface import HuggingFace

_CLASSES: tuple[type[Target], ...] = (HuggingFace,)
TARGETS = {target.name: target for target in _CLASSES}
