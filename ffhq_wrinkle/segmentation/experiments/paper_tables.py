"""Paper tables: the scores of the paper's Tables 3 and 4, and the recipe of each of their rows.

Moon, Chung, Jang: Facial Wrinkle Segmentation for Cosmetic Dermatology, ICPR 2024,
arXiv 2408.10060. `experiments` shows ours beside them.
"""

from collections.abc import Mapping
from typing import NamedTuple

FRACTIONS = (1.0, 0.05)  # of the training images: 800 and 40


class PaperScores(NamedTuple):
    """Scores of one row at one fraction of the training images."""

    jsi: float
    f1: float
    accuracy: float


class PaperRow(NamedTuple):
    """A row: its recipe, its name in the paper, and its scores by fraction."""

    recipe: str
    title: str
    scores: Mapping[float, PaperScores]


class PaperTable(NamedTuple):
    """A table with its rows from top to bottom."""

    title: str
    rows: tuple[PaperRow, ...]


# By recipe: JSI, F1 and accuracy at 100 %, then at 5 % of the training images.
_SCORES: dict[str, tuple[PaperScores, PaperScores]] = {
    recipe: (PaperScores(*figures[:3]), PaperScores(*figures[3:]))
    for recipe, figures in {
        "unet_wds": (0.4552, 0.6256, 0.9954, 0.3384, 0.5057, 0.9928),
        "striped_wrinet": (0.4665, 0.6294, 0.9956, 0.2382, 0.3761, 0.9903),
        "swin_unetr_none": (0.4220, 0.5858, 0.9949, 0.2545, 0.3944, 0.9932),
        "swin_unetr_imagenet": (0.4385, 0.6028, 0.9952, 0.2877, 0.4351, 0.9939),
        "swin_unetr_mim": (0.4450, 0.6079, 0.9954, 0.2963, 0.4452, 0.9937),
        "swin_unetr_texture": (0.4643, 0.6271, 0.9953, 0.3416, 0.4970, 0.9944),
        "unet_none": (0.4638, 0.6278, 0.9955, 0.3021, 0.4551, 0.9918),
        "unet_imagenet": (0.4664, 0.6296, 0.9955, 0.3428, 0.5018, 0.9934),
        "unet_denoising": (0.4709, 0.6339, 0.9955, 0.2840, 0.4338, 0.9898),
        "unet_texture": (0.4831, 0.6442, 0.9957, 0.3512, 0.5116, 0.9929),
        "unet_none_rgbt": (0.4606, 0.6221, 0.9954, 0.3208, 0.4743, 0.9924),
        "unet_texture_rgb": (0.4796, 0.6422, 0.9957, 0.3442, 0.5051, 0.9919),
    }.items()
}


def _row(recipe: str, title: str) -> PaperRow:
    return PaperRow(recipe, title, dict(zip(FRACTIONS, _SCORES[recipe], strict=True)))


TABLES = (
    PaperTable(
        "Table 3",
        (
            _row("unet_wds", "semi-automatic labelling + WDS"),
            _row("striped_wrinet", "Striped WriNet"),
            _row("swin_unetr_none", "Swin UNETR, none"),
            _row("swin_unetr_imagenet", "Swin UNETR, ImageNet"),
            _row("swin_unetr_mim", "Swin UNETR, masked image modelling"),
            _row("swin_unetr_texture", "Swin UNETR, texture map"),
            _row("unet_none", "U-Net, none"),
            _row("unet_imagenet", "U-Net, ImageNet"),
            _row("unet_denoising", "U-Net, denoising"),
            _row("unet_texture", "U-Net, texture map"),
        ),
    ),
    PaperTable(
        "Table 4",
        (
            _row("unet_none", "none, RGB"),
            _row("unet_none_rgbt", "none, RGB+T"),
            _row("unet_texture_rgb", "texture map, RGB"),
            _row("unet_texture", "texture map, RGB+T"),
        ),
    ),
)
# Each recipe of the paper once, in the order of the tables.
ROWS = {row.recipe: row for table in reversed(TABLES) for row in table.rows} | {
    row.recipe: row for row in TABLES[0].rows
}


def paper_scores(recipe: str, fraction: float) -> PaperScores | None:
    """Return the paper's scores of a recipe at a fraction of the training images; None if none.

    >>> paper_scores("unet_texture", 1.0).jsi
    0.4831
    """
    row = ROWS.get(recipe)
    return row.scores.get(fraction) if row else None
