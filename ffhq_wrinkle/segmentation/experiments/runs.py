"""Runs: what folders of `train` say of how they were trained, and of each test image's scores."""

import csv
import hashlib
import json
import math
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import tomli_w

from ...errors import ArgumentError, EvaluationError
from ...inference.weights import read_weights
from ...storage.writing import sha256_of
from ..evaluation.measures import headline
from ..training.recipes import Recipe, parse_recipe
from ..training.run_folder import CONFIG, SPLIT, TEST
from ..training.stage_state import BEST, MEMORY, METRICS
from ..training_data.samples import STAGES, Stage
from ..training_data.split import Split, split_in

_COUNTS = ("true_positive", "false_positive", "false_negative", "true_negative")


class Trained(NamedTuple):
    """How one stage went.

    Attributes
    ----------
    epochs : int
        That are through.
    seconds : float or None
        All epochs together; None where that is not noted.
    memory_mib : float or None
        The most that an epoch took on the device; None where that is not noted.
    data_sha256 : str
        Of the listing of its data; empty where there is no `best.pt` to say it.
    images_sha256 : str
        Of the ids that it learned from, where it has a split of its own, as pretraining does; empty
        elsewhere.
    """

    epochs: int
    seconds: float | None
    memory_mib: float | None
    data_sha256: str
    images_sha256: str


class PartScores(NamedTuple):
    """Scores of the test part, images in the order of their ids.

    Attributes
    ----------
    image_ids : tuple of str
        The test part.
    measures : np.ndarray
        float64 (images, M), the `evaluation.measures.headline`; NaN where undefined.
    counts : np.ndarray
        float64 (images, 4): pixels that are true positive, false positive, false negative, true
        negative.
    """

    image_ids: tuple[str, ...]
    measures: np.ndarray
    counts: np.ndarray


@dataclass(frozen=True, eq=False)
class Run:
    """A folder of `train`.

    Attributes
    ----------
    path : Path
        The folder.
    recipe : Recipe
        With the settings that it was trained by.
    seed, fraction, limit, precision
        As `training.TrainSettings`.
    init : str
        SHA-256 of the checkpoint that its first stage began with; empty if with none.
    stages : mapping of str to Trained
        By stage, those that were trained.
    scores : PartScores or None
        None if it is not finished.
    unfinished : str
        Why there are none.
    """

    path: Path
    recipe: Recipe
    seed: int
    fraction: float
    limit: int | None
    precision: str
    init: str
    stages: Mapping[Stage, Trained]
    scores: PartScores | None
    unfinished: str = ""

    @cached_property
    def pretrained_sha256(self) -> str:
        """Of the network that its pretraining came to; empty without one."""
        best = self.path / "pretrain" / BEST
        return sha256_of(best) if best.is_file() else ""


def read_run(path: Path) -> Run:
    """Read a folder of `train`, finished or not.

    Raises
    ------
    ArgumentError
        It is no such folder, or its settings or its split can not be read.
    EvaluationError
        Its tables are damaged, or do not go together.
    SourceError
        Its checkpoint can not be read.
    """
    if not (path / CONFIG).is_file():
        raise ArgumentError(f"{path} is no folder of `train`: it has no {CONFIG}")
    content, recipe = _config(path / CONFIG)
    stages: dict[Stage, Trained] = {
        stage: _trained(path / stage)
        for stage in STAGES
        if recipe.stage(stage) and (path / stage / METRICS).is_file()
    }
    unfinished = _unfinished(path, recipe, stages)
    try:
        return Run(
            path=path,
            recipe=recipe,
            seed=int(content["seed"]),
            fraction=float(content["fraction"]),
            limit=content.get("limit"),
            precision=str(content["precision"]),
            init=str(content.get("init", "")),
            stages=stages,
            scores=None if unfinished else _scores(path, split_in(path / SPLIT)),
            unfinished=unfinished,
        )
    except (KeyError, TypeError) as error:
        raise ArgumentError(f"{path / CONFIG} lacks a setting of `train`: {error}") from error


def _config(path: Path) -> tuple[dict[str, Any], Recipe]:
    """Settings of a run as they stand there, and its recipe."""
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
        tables: dict[str, Any] = {stage: content[stage] for stage in STAGES if stage in content}
        recipe = parse_recipe(tomli_w.dumps(tables), str(path))
        return content, replace(recipe, name=str(content["recipe"]))
    except (OSError, ValueError, KeyError) as error:
        if isinstance(error, ArgumentError):
            raise
        raise ArgumentError(f"{path} can not be read as the settings of a run: {error}") from error


def _trained(folder: Path) -> Trained:
    rows = _table(folder / METRICS, ("epoch",))
    best = folder / BEST
    content = read_weights(best) if best.is_file() else {}
    data = content.get("data_sha256") if isinstance(content, Mapping) else None
    seconds = [_number(row.get("seconds")) for row in rows]
    memory = [_number(row.get(MEMORY)) for row in rows]
    return Trained(
        len(rows),
        None if not rows or any(map(math.isnan, seconds)) else sum(seconds),
        max((one for one in memory if not math.isnan(one)), default=None),
        data if isinstance(data, str) else "",
        sha256_of_ids(split_in(folder / SPLIT).ids("train")) if (folder / SPLIT).is_file() else "",
    )


def sha256_of_ids(image_ids: Sequence[str]) -> str:
    """SHA-256 of ids in their order, by which sets of images are told apart."""
    together = "\n".join(image_ids).encode("utf-8", "surrogateescape")
    return hashlib.sha256(together).hexdigest()


def _unfinished(path: Path, recipe: Recipe, stages: Mapping[Stage, Trained]) -> str:
    """What a run lacks, in words; nothing if it is finished."""
    if not recipe.finetune:
        return "pretraining alone, which has no scores"
    for stage in STAGES:
        config, trained = recipe.stage(stage), stages.get(stage)
        if config and (trained.epochs if trained else 0) < config.epochs:
            done = trained.epochs if trained else 0
            return f"{stage} has {done} of {config.epochs} epochs"
    if not (path / TEST).is_file():
        return f"there is no {TEST}"
    if not (path / TEST).with_suffix(".csv").is_file():  # as of versions that did not write it
        return f"there is no test.csv; remove {TEST}, and the same `train` scores it again"
    best = path / "finetune" / BEST
    try:
        scored = json.loads((path / TEST).read_bytes()).get("checkpoint_sha256")
    except (OSError, ValueError, AttributeError) as error:
        raise EvaluationError(f"{path / TEST} can not be read: {error}") from error
    if best.is_file() and scored != sha256_of(best):
        return f"{TEST} is of another checkpoint than finetune/{BEST}"
    return ""


def _scores(path: Path, split: Split) -> PartScores:
    """Scores of each test image, which have to be those of the split."""
    file = (path / TEST).with_suffix(".csv")
    names_of_measures = tuple(headline())
    rows = _table(file, ("image_id", *names_of_measures, *_COUNTS))
    by_id = {row["image_id"]: row for row in rows}
    image_ids = split.ids("test")
    if sorted(row["image_id"] for row in rows) != image_ids:
        raise EvaluationError(f"{file} has other images than the test part of {path / SPLIT}")
    if not image_ids:
        raise EvaluationError(f"{file} has no images")
    measures, counts = (
        np.array([[_number(by_id[one][name]) for name in names] for one in image_ids])
        for names in (names_of_measures, _COUNTS)
    )
    if np.isnan(counts).any():
        raise EvaluationError(f"{file} lacks counts of pixels")
    return PartScores(tuple(image_ids), measures, counts)


def _table(path: Path, columns: tuple[str, ...]) -> list[dict[str, str]]:
    """Rows of a CSV that has at least these columns."""
    try:
        with path.open(encoding="utf-8", errors="surrogateescape", newline="") as file:
            table = csv.DictReader(file, strict=True)
            lacking = [name for name in columns if name not in (table.fieldnames or ())]
            if lacking:
                raise EvaluationError(f"{path} lacks the column {lacking[0]}")
            return list(table)
    except OSError as error:
        raise EvaluationError(f"{path} can not be read: {error.strerror}") from error
    except csv.Error as error:
        raise EvaluationError(f"{path} can not be read: {error}") from error


def _number(cell: str | None) -> float:
    """A cell as a number; NaN where it is blank, absent or none."""
    try:
        return float(cell) if cell else math.nan
    except ValueError:
        return math.nan
