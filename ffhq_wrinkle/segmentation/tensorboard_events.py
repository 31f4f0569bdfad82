"""TensorBoard events: the rows of `metrics.csv` as curves, where TensorBoard is installed."""

import logging
import math
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

log = logging.getLogger(__name__)


class RowWriter:
    """Writes rows of metrics as events into a folder."""

    def __init__(self, folder: Path) -> None:
        self._writer: Any = None
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of its own libraries
                from torch.utils.tensorboard import SummaryWriter
        except ImportError:
            log.info("no TensorBoard events: pip install tensorboard")
            return
        self._writer = SummaryWriter(log_dir=str(folder))

    def add(self, row: Mapping[str, float]) -> None:
        """Add one epoch."""
        if self._writer is None:
            return
        for name, value in row.items():
            if name != "epoch" and not math.isnan(value):
                self._writer.add_scalar(name, value, int(row["epoch"]))
        self._writer.flush()

    def close(self) -> None:
        """Close the file."""
        if self._writer is not None:
            self._writer.close()
