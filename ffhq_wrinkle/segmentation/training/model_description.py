"""Model description: what `model.json` says of a stage's best network."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ...dataset.ids import is_ffhq_id
from ...inference.weights import read_weights
from ...storage.writing import sha256_of, write_bytes
from ..checkpoints.checkpoint import load_checkpoint
from ..checkpoints.model_record import MODEL
from ..checkpoints.trained_on import ids_sha256
from ..training_data.samples import Sample
from .preparation import StageData

_FFHQ = "FFHQ and FFHQ-Wrinkle, CC BY-NC-SA 4.0"
_UNKNOWN = "not recorded"
_FIGURES = ("measure", "aggregate", "tolerance_px", "images", "value", "low", "high")


def write_model_record(best: Path, data: StageData, scores: Path | None = None) -> None:
    """Write `model.json` beside the best network of a stage.

    Parameters
    ----------
    best : Path
        The checkpoint.
    data : StageData
        The data that it was trained on.
    scores : Path, optional
        `test.json` of the run, if it has the scores of this checkpoint.

    Raises
    ------
    OutputError
        The file cannot be written.
    """
    content = read_weights(best)
    if not isinstance(content, Mapping):
        return
    checkpoint = load_checkpoint(best)
    settings = content["settings"]
    stage = content["stage"]
    record = {
        "network": checkpoint.network,
        "in_channels": checkpoint.model.in_channels,
        "out_channels": checkpoint.model.out_channels,
        "parameters": sum(weights.numel() for weights in checkpoint.model.parameters()),
        "stage": stage,
        "recipe": {"name": settings.get("recipe"), **settings.get(stage, {})},
        "texture": content["texture"],
        "face_side": content["face_side"],
        "data": {
            "sha256": content["data_sha256"],
            "trained_on": _ids(data.train),
            "chosen_by": _ids(data.val),
            "source_and_licence": _source_of(data),
        },
        "initial_weights": _initial(settings, settings.get(stage, {})),
        "epochs": content["progress"]["epoch"],
        "scores": _scores(scores, checkpoint.sha256),
        "checkpoint": {"file": best.name, "sha256": sha256_of(best)},
        "versions": content.get("versions", {}),
        "trained_by": content.get("trained_by", []),
    }
    write_bytes(best.with_name(MODEL), (json.dumps(record, indent=2) + "\n").encode())


def _ids(samples: Iterable[Sample]) -> dict[str, Any]:
    image_ids = [sample.image_id for sample in samples]
    return {"images": len(image_ids), "ids_sha256": ids_sha256(image_ids)}


def _source_of(data: StageData) -> str:
    """Return where the data come from, as far as their ids show it."""
    image_ids = (sample.image_id for part in (data.train, data.val) for sample in part)
    return _FFHQ if all(map(is_ffhq_id, image_ids)) else _UNKNOWN


def _initial(settings: Mapping[str, Any], config: Mapping[str, Any]) -> dict[str, Any]:
    """Return which weights a stage began with, and their licence."""
    if settings.get("init"):
        return {"from": "checkpoint", "sha256": settings["init"], "licence": _UNKNOWN}
    if config.get("initial") == "imagenet":
        return {"from": "ImageNet classifier of torchvision", "licence": "BSD-3-Clause"}
    return {"from": "pretraining of this run, or random", "licence": "none"}


def _scores(path: Path | None, sha256: str) -> list[dict[str, Any]] | None:
    """Return the scores in `test.json` with their intervals; None if it is of another network."""
    if path is None or not path.is_file():
        return None
    content = json.loads(path.read_bytes())
    if content.get("checkpoint_sha256") != sha256:
        return None
    return [{name: row.get(name) for name in _FIGURES} for row in content["estimates"]]
