"""TensorBoard events: the rows of `metrics.csv` as curves, if TensorBoard is installed."""

import logging
import math
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...storage.writing import valid_text

log = logging.getLogger(__name__)


class RowWriter:
    """Writes rows of `metrics.csv` as events to a file in a folder, made with the first row."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._writer: Any = None
        self._absent = False

    def __enter__(self) -> "RowWriter":
        return self

    def __exit__(self, *_: object) -> None:
        if self._writer is not None:
            self._writer.close()

    def add(self, row: Mapping[str, float]) -> None:
        """Add the row of an epoch."""
        if self._writer is None and not self._absent:
            self._begin()
        if self._absent:
            return
        for name, value in row.items():
            if name != "epoch" and not math.isnan(value):
                self._writer.add_scalar(name, value, int(row["epoch"]))
        self._writer.flush()

    def _begin(self) -> None:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # about its own libraries
                from torch.utils.tensorboard import SummaryWriter
        except ImportError:
            log.info("no TensorBoard events: pip install 'ffhq-wrinkle[tensorboard]'")
            self._absent = True
            return
        if str(self.folder) != valid_text(str(self.folder)):
            log.info("no TensorBoard events: it cannot write to %s", self.folder)
            self._absent = True
            return
        self._writer = SummaryWriter(log_dir=str(self.folder))
