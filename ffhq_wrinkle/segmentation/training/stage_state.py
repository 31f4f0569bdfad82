"""Stage state: how far a stage of training has come, as its folder keeps it."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ...errors import TrainingError
from ...inference.weights import read_weights
from ...results.records import differing_settings
from ...storage.writing import csv_bytes, write_bytes

MEMORY = "memory_mib"
COLUMNS = (
    "epoch", "lr", "train_loss", "val_loss", "val_jsi", "val_f1", "seconds", "images_per_s",
    MEMORY,
)  # fmt: skip
LAST, BEST, METRICS = "last.pt", "best.pt", "metrics.csv"


@dataclass
class Progressed:
    """Where a stage stands: the step that comes next, and what was measured so far.

    Attributes
    ----------
    epoch, step : int
        Of the next step.
    loss_sum : float
        Of the losses of this epoch's steps.
    seconds : float
        That this epoch took so far.
    history : list of dict
        A row of `metrics.csv` for each epoch that is through.
    best : float or None
        The best value of what is validated.
    """

    epoch: int = 0
    step: int = 0
    loss_sum: float = 0.0
    seconds: float = 0.0
    history: list[dict[str, float]] = field(default_factory=list)
    best: float | None = None

    def record(self) -> dict[str, Any]:
        """As a checkpoint can hold it."""
        return asdict(self)


def read_state(path: Path, settings: Mapping[str, Any], data_sha256: str) -> dict[str, Any] | None:
    """Read where a stage was left; None if it has not begun.

    Raises
    ------
    TrainingError
        It was made with other settings, which are named, or of other data.
    SourceError
        It can not be read.
    """
    if not path.is_file():
        return None
    content = read_weights(path)
    if not isinstance(content, Mapping) or "progress" not in content:
        raise TrainingError(f"{path} is no checkpoint of a run; give it another name")
    require_same(content["settings"], settings, path)
    if content["data_sha256"] != data_sha256:
        raise TrainingError(
            f"{path} was trained on other data: images, masks or face masks have changed since; "
            "bring them back, or choose another folder for the run"
        )
    return dict(content)


def require_same(then: Mapping[str, Any], now: Mapping[str, Any], where: Path) -> None:
    """Refuse to go on with other settings.

    Raises
    ------
    TrainingError
        The differences are named.
    """
    differing = differing_settings(_flat(then), _flat(now))
    if differing:
        raise TrainingError(
            f"{where} was made with other settings: {', '.join(differing)}; choose another folder "
            "for the run"
        )


def _flat(settings: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in settings.items():
        if isinstance(value, Mapping):
            found |= _flat(value, f"{prefix}{key}.")
        else:
            found[f"{prefix}{key}"] = value
    return found


def write_metrics(path: Path, history: Sequence[Mapping[str, float]]) -> None:
    """Write the table of epochs; what a stage does not measure is blank."""
    rows = ([row.get(column, "") for column in COLUMNS] for row in history)
    write_bytes(path, csv_bytes(COLUMNS, rows))
