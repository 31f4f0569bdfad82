"""Catalogue: the formats in which data sets are published.

To add one, write a module of `targets` and enter its class in `TARGETS`.
"""

from .target import Target
from .targets.coco import Coco
from .targets.fiftyone import FiftyOne
from .targets.huggingface import HuggingFace
from .targets.monai import Monai
from .targets.nnunet import NnUNet
from .targets.webdataset import WebDataset
from .targets.yolo import Yolo

_CLASSES: tuple[type[Target], ...] = (
    HuggingFace, Coco, NnUNet, Monai, WebDataset, Yolo, FiftyOne,
)  # fmt: skip
TARGETS = {target.name: target for target in _CLASSES}
