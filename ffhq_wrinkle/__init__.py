"""Facial wrinkle data and models: weak labels, human labels, training and evaluation.

`import ffhq_wrinkle as fw` provides the names in `__all__`, which `docs/python.md` describes. Any
other name may change in any version. `docs/architecture.md` describes the packages.
"""

from importlib import import_module

__version__ = "0.1.0"

# The module of each name, which is loaded at first use, so that importing the package is instant.
# Type checkers and editors read `__init__.pyi` instead.
_MODULES = {
    "FfhqWrinkleError": "errors",
    "Predictor": "segmentation.prediction.predictor",
    "agreement": "api.human_masks",
    "align": "api.alignment",
    "build_weak": "api.weak_masks",
    "compare_predictions": "api.scores",
    "compare_runs": "api.scores",
    "composition": "api.datasets",
    "create_model": "segmentation.networks.catalogue",
    "download": "api.datasets",
    "evaluate": "api.scores",
    "export": "api.training",
    "export_labels": "api.annotation_tools",
    "fuse": "api.human_masks",
    "fuse_labels": "api.human_masks",
    "import_labels": "api.annotation_tools",
    "predict": "api.wrinkles",
    "publish": "api.publishing",
    "read_image": "api.pictures",
    "read_mask": "api.pictures",
    "review": "api.review",
    "sample": "api.datasets",
    "texture_map": "weak_labels.texture",
    "train": "api.training",
    "weak_mask": "api.weak_masks",
}
__all__ = ["__version__", *_MODULES]


def __getattr__(name: str) -> object:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_MODULES[name]}", __name__), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_MODULES})
