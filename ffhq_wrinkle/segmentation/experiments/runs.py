"""Runs: folders of `train`, read for their settings, their course and each test image's scores."""

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
from ...results.records import UNKNOWN_VERSION
from ...storage.writing import sha256_of, text_bytes
from ..evaluation.measures import headline
from ..training.recipes import Recipe, parse_recipe
from ..training.run_folder import CONFIG, SPLIT, TEST
from ..training.stage_state import BEST, MEMORY, METRICS, versions_in
from ..training_data.samples import STAGES, Stage
from ..training_data.split import Split
from ..training_data.split_file import read_split

_COUNTS = ("true_positive", "false_positive", "false_negative", "true_negative")


class Trained(NamedTuple):
    """Course of one stage.

    Attributes
    ----------
    epochs : int
        Number of finished epochs.
    seconds : float or None
        Duration of all epochs; None if it was not recorded.
    memory_mib : float or None
        Peak memory of an epoch on the device; None if it was not recorded.
    data_sha256 : str
        Hash of the listing of its data; empty without a `best.pt`, which holds it.
    images_sha256 : str
        Hash of the ids that it was trained on, if it has a split of its own, as pretraining does;
        otherwise empty.
    versions : tuple of str
        Versions of this package that trained it; empty without a `best.pt`, which holds them.
    """

    epochs: int
    seconds: float | None
    memory_mib: float | None
    data_sha256: str
    images_sha256: str
    versions: tuple[str, ...] = ()


class PartScores(NamedTuple):
    """Scores of the test part, images in the order of their ids.

    Attributes
    ----------
    image_ids : tuple of str
        Ids of the test part.
    measures : np.ndarray
        float64 (images, M), the measures of `evaluation.measures.headline`; NaN where undefined.
    counts : np.ndarray
        float64 (images, 4): number of true positive, false positive, false negative and true
        negative pixels.
    """

    image_ids: tuple[str, ...]
    measures: np.ndarray
    counts: np.ndarray


@dataclass(frozen=True, eq=False)
class Run:
    """A folder written by `train`.

    Attributes
    ----------
    path : Path
        The folder.
    recipe : Recipe
        The recipe with the settings that were used.
    seed, fraction, limit, precision
        As in `training.TrainSettings`.
    init : str
        SHA-256 of the checkpoint that its first stage began with; empty without one.
    stages : mapping of str to Trained
        The stages that were trained.
    scores : PartScores or None
        Scores of the test part; None if the run is not finished.
    unfinished : str
        Why there are no scores.
    scored_by : str
        Version of this package that scored it; empty without scores.
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
    scored_by: str = ""

    @property
    def versions(self) -> set[str]:
        """The versions of this package that trained and scored it."""
        trained = (version for stage in self.stages.values() for version in stage.versions)
        return {*trained, self.scored_by} - {""}

    @cached_property
    def pretrained_sha256(self) -> str:
        """SHA-256 of the network that its pretraining arrived at; empty without pretraining."""
        best = self.path / "pretrain" / BEST
        return sha256_of(best) if best.is_file() else ""


def read_run(path: Path) -> Run:
    """Read a folder of `train`, finished or not.

    Raises
    ------
    ArgumentError
        It is not such a folder, or its settings or its split cannot be read.
    EvaluationError
        Its tables are damaged or contradict each other.
    SourceError
        Its checkpoint cannot be read.
    """
    if not (path / CONFIG).is_file():
        raise ArgumentError(f"{path} is not a folder of `train`: it has no {CONFIG}")
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
            scores=None if unfinished else _scores(path, read_split(path / SPLIT)),
            unfinished=unfinished,
            scored_by="" if unfinished else _scored_by(path / TEST),
        )
    except (KeyError, TypeError) as error:
        raise ArgumentError(f"{path / CONFIG} lacks a setting of `train`: {error}") from error


def _config(path: Path) -> tuple[dict[str, Any], Recipe]:
    """Return the settings of a run as they are in its file, and its recipe."""
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
        tables: dict[str, Any] = {stage: content[stage] for stage in STAGES if stage in content}
        recipe = parse_recipe(tomli_w.dumps(tables), str(path))
        return content, replace(recipe, name=str(content["recipe"]))
    except (OSError, ValueError, KeyError) as error:
        if isinstance(error, ArgumentError):
            raise
        raise ArgumentError(f"{path} cannot be read as the settings of a run: {error}") from error


def _trained(folder: Path) -> Trained:
    rows = _table(folder / METRICS, ("epoch",))
    best = folder / BEST
    content = read_weights(best) if best.is_file() else {}
    data = content.get("data_sha256") if isinstance(content, Mapping) else None
    seconds = [_number(row.get("seconds")) for row in rows]
    split = folder / SPLIT
    memory = [_number(row.get(MEMORY)) for row in rows]
    return Trained(
        len(rows),
        None if not rows or any(map(math.isnan, seconds)) else sum(seconds),
        max((mib for mib in memory if not math.isnan(mib)), default=None),
        data if isinstance(data, str) else "",
        sha256_of_ids(read_split(split).ids("train")) if split.is_file() else "",
        tuple(versions_in(content)) if isinstance(content, Mapping) and content else (),
    )


def _scored_by(path: Path) -> str:
    """Return the version that wrote the scores of a finished run."""
    return str(json.loads(path.read_bytes()).get("version", UNKNOWN_VERSION))


def sha256_of_ids(image_ids: Sequence[str]) -> str:
    """Return the SHA-256 of ids in their order, which identifies a set of images."""
    together = text_bytes("\n".join(image_ids))
    return hashlib.sha256(together).hexdigest()


def _unfinished(path: Path, recipe: Recipe, stages: Mapping[Stage, Trained]) -> str:
    """Return what a run lacks, in words; empty if it is finished."""
    if not recipe.finetune:
        return "pretraining alone, which has no scores"
    for stage in STAGES:
        config, trained = recipe.stage(stage), stages.get(stage)
        if config and (trained.epochs if trained else 0) < config.epochs:
            done = trained.epochs if trained else 0
            return f"{stage} has {done} of {config.epochs} epochs"
    if not (path / TEST).is_file():
        return f"there is no {TEST}"
    if not (path / TEST).with_suffix(".csv").is_file():  # old versions did not write it
        return f"there is no test.csv; remove {TEST}, and the same `train` scores it again"
    best = path / "finetune" / BEST
    try:
        scored = json.loads((path / TEST).read_bytes()).get("checkpoint_sha256")
    except (OSError, ValueError, AttributeError) as error:
        raise EvaluationError(f"{path / TEST} cannot be read: {error}") from error
    if best.is_file() and scored != sha256_of(best):
        return f"{TEST} is of another checkpoint than finetune/{BEST}"
    return ""


def _scores(path: Path, split: Split) -> PartScores:
    """Return the scores of each test image, after checking that they are those of the split."""
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
        np.array([[_number(by_id[image_id][name]) for name in names] for image_id in image_ids])
        for names in (names_of_measures, _COUNTS)
    )
    if np.isnan(counts).any():
        raise EvaluationError(f"{file} lacks counts of pixels")
    return PartScores(tuple(image_ids), measures, counts)


def _table(path: Path, columns: tuple[str, ...]) -> list[dict[str, str]]:
    """Read the rows of a CSV that must have at least these columns."""
    try:
        with path.open(encoding="utf-8", errors="surrogateescape", newline="") as file:
            table = csv.DictReader(file, strict=True)
            lacking = [name for name in columns if name not in (table.fieldnames or ())]
            if lacking:
                raise EvaluationError(f"{path} lacks the column {lacking[0]}")
            return list(table)
    except OSError as error:
        raise EvaluationError(f"{path} cannot be read: {error.strerror}") from error
    except csv.Error as error:
        raise EvaluationError(f"{path} cannot be read: {error}") from error


def _number(cell: str | None) -> float:
    """Return a cell as a number; NaN if it is blank, absent or not a number."""
    try:
        return float(cell) if cell else math.nan
    except ValueError:
        return math.nan
