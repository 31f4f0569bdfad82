"""Wrinkle segmentation: networks, training, prediction and evaluation.

The modules read in the order data moves, each importing only from those before it, and from the
package around: `sized`, `unet`, `unet_wds`, `striped_wrinet`, `unet_resnet50`, `swin_unetr`,
`swin_mim`, `networks`, `official`, `checkpoint`, `pretrained`, `encoders`, `imagenet`,
`window_attention`, `inputs`, `ingredients`, `predictor`, `onnx_export`, `regions`,
`wrinkle_table`, `views`, `probabilities`, `prediction_files`, `prediction_folder`, `prediction`,
`centrelines`, `scores`, `pairs`, `evaluation`, `scoring`, `comparison`, `evaluation_tables`,
`evaluation_report`, `picture_files`, `samples`, `sample_files`, `weak_cache`, `soft_masks`,
`listing`, `checks`, `twins`, `split`, `warp`, `distortion`, `augmentation`, `recipes`, `initial`,
`losses`, `weighted_supervision`, `schedule`, `training_set`, `loader`, `processes`, `synced_norm`,
`stage_state`, `sheets`, `objectives`, `trainer`, `run_folder`, `preparation`,
`tensorboard_events`, `stop_signals`, `final_scores`, `training`, `runs`, `comparability`,
`paper_tables`, `parameters`, `experiments`, `experiment_tables`, `experiment_report`.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .checkpoint import load_checkpoint, save_checkpoint
    from .networks import create_model
    from .pretrained import load_pretrained

# What people use from Python; found when asked for, so that nobody waits for PyTorch in vain.
_PLACES = {
    "create_model": "networks",
    "load_checkpoint": "checkpoint",
    "load_pretrained": "pretrained",
    "save_checkpoint": "checkpoint",
}
__all__ = ["create_model", "load_checkpoint", "load_pretrained", "save_checkpoint"]


def __getattr__(name: str) -> object:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_PLACES[name]}", __name__), name)
