"""Stage state: how far a stage of training has come, as its folder records it."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ...errors import TrainingError
from ...inference.weights import read_weights
from ...results.records import UNKNOWN_VERSION, differing_settings
from ...storage.writing import csv_bytes, write_bytes

MEMORY = "memory_mib"
COLUMNS = (
    "epoch", "lr", "train_loss", "val_loss", "val_jsi", "val_f1", "seconds", "images_per_s",
    MEMORY,
)  # fmt: skip
LAST, BEST, METRICS = "last.pt", "best.pt", "metrics.csv"


@dataclass
class StageProgress:
    """The next step of a stage, and the measurements so far.

    Attributes
    ----------
    epoch, step : int
        The next step, both counted from 0.
    loss_sum : float
        Sum of the losses of this epoch's steps.
    seconds : float
        Time that this epoch's steps have taken.
    history : list of dict
        A row of `metrics.csv` for each complete epoch.
    best : float or None
        The highest `validation.merit` of an epoch; None before the first validation.
    """

    epoch: int = 0
    step: int = 0
    loss_sum: float = 0.0
    seconds: float = 0.0
    history: list[dict[str, float]] = field(default_factory=list)
    best: float | None = None

    def complete_epoch(self, row: dict[str, float]) -> None:
        """Keep the row of an epoch, and go to the first step of the next."""
        self.history.append(row)
        self.epoch, self.step, self.loss_sum, self.seconds = self.epoch + 1, 0, 0.0, 0.0

    def record(self) -> dict[str, Any]:
        """Return the progress as a checkpoint can hold it."""
        return asdict(self)


def read_state(
    path: Path, settings: Mapping[str, Any], data_sha256: str, faces_sha256: str = ""
) -> dict[str, Any] | None:
    """Read the state in which a stage was left; None if it has not begun.

    Parameters
    ----------
    path : Path
        The checkpoint of the last step, if it exists.
    settings : mapping
        Everything that the result depends on.
    data_sha256, faces_sha256 : str
        Hashes of the data, as in `preparation.StageData`.

    Raises
    ------
    TrainingError
        The stage has different settings, which are named, or different data.
    SourceError
        The file cannot be read.
    """
    if not path.is_file():
        return None
    content = read_weights(path)
    if not isinstance(content, Mapping) or "progress" not in content:
        raise TrainingError(f"{path} is not a checkpoint of a run; rename it")
    require_same(content["settings"], settings, path)
    # Earlier versions did not record the faces.
    same_faces = content.get("faces_sha256", faces_sha256) == faces_sha256
    if content["data_sha256"] != data_sha256 or not same_faces:
        raise TrainingError(
            f"{path} was trained on different data: images, masks or face masks have changed since "
            "then; restore them, or choose another folder for the run"
        )
    return dict(content)


def require_best(folder: Path, progress: StageProgress) -> None:
    """Require the checkpoint of the best epoch so far, which only that epoch could write.

    Raises
    ------
    TrainingError
        There was a best epoch, but its checkpoint is missing.
    """
    if progress.best is not None and not (folder / BEST).is_file():
        raise TrainingError(
            f"{folder / BEST} is missing, the network of the best epoch; restore it, or remove "
            f"{folder / LAST} to train this stage again"
        )


def versions_in(content: Mapping[str, Any]) -> list[str]:
    """Return the versions of this package that trained a checkpoint, the earliest first.

    Earlier versions recorded only the one that wrote the file.
    """
    versions = content.get("trained_by") or [content.get("version", UNKNOWN_VERSION)]
    return list(map(str, versions)) if isinstance(versions, list) else [UNKNOWN_VERSION]


def require_same(then: Mapping[str, Any], now: Mapping[str, Any], where: Path) -> None:
    """Require the settings that a run was begun with.

    Raises
    ------
    TrainingError
        Settings differ; they are named.
    """
    differing = differing_settings(_flat(then), _flat(now))
    if differing:
        raise TrainingError(
            f"{where} was made with different settings: {', '.join(differing)}; choose another "
            "folder for the run"
        )


def _flat(settings: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in settings.items():
        if isinstance(value, Mapping):
            flat |= _flat(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = value
    return flat


def write_metrics(path: Path, history: Sequence[Mapping[str, float]]) -> None:
    """Write the table of epochs; columns that a stage does not measure are blank."""
    rows = ([row.get(column, "") for column in COLUMNS] for row in history)
    write_bytes(path, csv_bytes(COLUMNS, rows))
