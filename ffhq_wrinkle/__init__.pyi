from .api.alignment import align
from .api.annotation_tools import export_labels, import_labels
from .api.datasets import composition, download, sample
from .api.human_masks import agreement, fuse, fuse_labels
from .api.pictures import read_image, read_mask
from .api.publishing import publish
from .api.review import review
from .api.scores import compare_predictions, compare_runs, evaluate
from .api.training import export, train
from .api.weak_masks import build_weak, weak_mask
from .api.wrinkles import predict
from .errors import FfhqWrinkleError
from .segmentation.networks.catalogue import create_model
from .segmentation.prediction.predictor import Predictor
from .weak_labels.texture import texture_map

__version__: str
__all__ = [
    "FfhqWrinkleError",
    "Predictor",
    "__version__",
    "agreement",
    "align",
    "build_weak",
    "compare_predictions",
    "compare_runs",
    "composition",
    "create_model",
    "download",
    "evaluate",
    "export",
    "export_labels",
    "fuse",
    "fuse_labels",
    "import_labels",
    "predict",
    "publish",
    "read_image",
    "read_mask",
    "review",
    "sample",
    "texture_map",
    "train",
    "weak_mask",
]
