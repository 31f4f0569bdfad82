"""Scores of predictions on disk, beside what scikit-learn says of them."""

import warnings

import numpy as np
from PIL import Image
from sklearn.metrics import (
    accuracy_score,
    f1_score,
    jaccard_score,
    precision_score,
    recall_score,
)

from ffhq_wrinkle.measures.estimates import MEAN
from ffhq_wrinkle.segmentation.evaluation.pairs import EvaluationSettings
from ffhq_wrinkle.segmentation.evaluation.scoring import evaluate_folders

LIBRARY = {
    "jsi": jaccard_score, "f1": f1_score, "accuracy": accuracy_score,
    "precision": precision_score, "recall": recall_score,
}  # fmt: skip
SHAPE = (40, 50)
EXACT = EvaluationSettings(tolerances_px=(), centrelines=False)


def measured(folders, settings=EXACT, **options):
    return evaluate_folders(folders[0], folders[1], settings, **{"resamples": 0, **options})


def figure(evaluation, measure, aggregate=MEAN, tolerance=None):
    (found,) = (
        one
        for one in evaluation.estimates
        if one.column == (measure, tolerance) and one.aggregate == aggregate
    )
    return found


def by_library(measure, reference, predicted):
    """Return scikit-learn's value; NaN where it would warn of 0/0."""
    options = {"zero_division": np.nan} if measure in ("precision", "recall") else {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        value = LIBRARY[measure](reference.ravel(), predicted.ravel(), **options)
    if measure in ("jsi", "f1"):
        return value if reference.any() or predicted.any() else np.nan
    return value


def random_masks(seed, share):
    return np.random.default_rng(seed).random(SHAPE) < share


def save_probabilities(folder, probabilities, kind):
    folder.mkdir(parents=True, exist_ok=True)
    for image_id, probability in probabilities.items():
        if kind == "png":
            levels = np.round(probability * 65535).astype(np.uint16)
            Image.fromarray(levels).save(folder / f"{image_id}.png")
        else:
            np.save(folder / f"{image_id}.npy", probability.astype(kind))
    return folder
