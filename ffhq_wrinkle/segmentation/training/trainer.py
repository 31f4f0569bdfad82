"""Trainer: one stage of training, step by step, resumable after each."""

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from lightning_fabric import Fabric

from ... import __version__
from ...errors import TrainingError
from ...images.png import encode_png
from ...inference.devices import laid_out
from ...runs.opencv_threads import one_opencv_thread
from ...runs.progress import Progress
from ...storage.writing import write_bytes
from ..checkpoints.checkpoint import save_checkpoint
from ..networks.sized import SizedNetwork
from .curves import CURVES, curves
from .gradients import backward, non_finite, step_advice
from .loader import batches
from .objectives import objective_of
from .preparation import StageData
from .processes import share_batch_norms, summed
from .recipes import StageConfig
from .schedule import sgdr_rate
from .settings import TrainSettings
from .sheets import is_sheet_due
from .stage_state import (
    BEST,
    LAST,
    MEMORY,
    METRICS,
    StageProgress,
    read_state,
    require_best,
    versions_in,
    write_metrics,
)
from .training_set import Example, Order, TrainingSet
from .validation import Validation, epoch_line, merit

log = logging.getLogger(__name__)

SAVE_EVERY_S = 300.0


class StageTrainer:
    """Trains a network in one stage, in a folder in which it can be stopped and resumed.

    No state of a random generator is saved: order, augmentation and all other random numbers of a
    step depend only on seed, epoch and sample.

    Parameters
    ----------
    fabric : Fabric
        Launched: devices and precision.
    model : SizedNetwork
        The network, which is trained in place.
    folder : Path
        Folder of the stage, for `last.pt`, `best.pt`, `metrics.csv` and, every few epochs,
        `curves.png` and a sheet of validation predictions.
    config : StageConfig
        How the stage is trained.
    data : StageData
        Samples to learn from, and those to choose `best.pt` by. A stage with other data is not
        resumed.
    settings : TrainSettings
        Seed, accumulation and compilation.
    record : mapping
        Everything that the result depends on. A stage with a different record is not resumed.
    more : mapping
        Further content of checkpoints, such as versions.
    workers : int
        Processes that load samples.
    save_every_s : float
        Seconds between checkpoints within an epoch.
    """

    def __init__(
        self,
        fabric: Fabric,
        model: SizedNetwork,
        folder: Path,
        config: StageConfig,
        data: StageData,
        *,
        settings: TrainSettings,
        record: Mapping[str, Any],
        more: Mapping[str, Any],
        workers: int = 0,
        save_every_s: float = SAVE_EVERY_S,
    ) -> None:
        self.fabric = fabric
        self.model = model
        self.folder = folder
        self.config = config
        self.data = data
        self.settings = settings
        self.record = dict(record)
        self.more = dict(more)
        self.workers = workers
        self.save_every_s = save_every_s
        self.progress = StageProgress()
        self._trained_by = [__version__]
        self.objective = objective_of(config.loss, model)
        self.samples = TrainingSet(data.train, config, seed=settings.seed, training=True)
        self.validation = Validation(
            fabric, self.objective, data.val, config, seed=settings.seed, workers=workers
        )
        self._on_gpu = fabric.device.type == "cuda"
        self._saved = time.monotonic()

    def setup(self) -> None:
        """Bring network and optimizer to the device, in the state in which an earlier run ended."""
        share_batch_norms(self.model)
        laid_out(self.model, self.model.memory_format)
        data = self.data
        state = read_state(self.folder / LAST, self.record, data.sha256, data.faces_sha256)
        if state:
            self.progress = StageProgress(**state["progress"])
            require_best(self.folder, self.progress)
            self.model.load_state_dict(state["model"])
        optimizer = torch.optim.AdamW(
            self.model.parameters(),
            lr=self.config.peak_rate,
            betas=(self.config.beta1, self.config.beta2),
            weight_decay=self.config.weight_decay,
            fused=self.fabric.device.type in ("cuda", "cpu"),
        )
        network: Any = torch.compile(self.model) if self.settings.compile else self.model
        self._network, self._optimizer = self.fabric.setup(network, optimizer)
        if state:
            self._optimizer.load_state_dict(state["optimizer"])
            self._trained_by = list(dict.fromkeys([*versions_in(state), __version__]))
            log.info(
                "%s resumes at epoch %d, step %d",
                *(self.config.stage, self.progress.epoch + 1, self.progress.step + 1),
            )

    @one_opencv_thread()
    def fit(
        self,
        *,
        stopped: Callable[[], bool] = lambda: False,
        shown: Callable[[Mapping[str, float]], None] = lambda _: None,
    ) -> bool:
        """Train until the last epoch is complete, or until stopped.

        Parameters
        ----------
        stopped : callable, optional
            Called after each step and each validation image; true ends training there.
        shown : callable, optional
            Called with each row of `metrics.csv`, by the first process.

        Returns
        -------
        bool
            Whether the last epoch is complete.

        Raises
        ------
        TrainingError
            The loss or its gradient is not a finite number, or the device ran out of memory.
        """
        order = Order(
            len(self.samples),
            self.config.batch_size,
            epochs=self.config.epochs,
            seed=self.settings.seed,
            start=(self.progress.epoch, self.progress.step),
            device=self.fabric.global_rank,
            devices=self.fabric.world_size,
        )
        loaded = batches(
            self.samples, workers=self.workers, pinned=self._on_gpu, batch_sampler=order
        )
        advised = step_advice(
            self.fabric,
            self.config,
            batch_size=order.batch_size,
            accumulate=self.settings.accumulate,
        )
        with advised, Progress(len(order), self.config.stage, unit="steps") as bar:
            while self.progress.epoch < self.config.epochs:
                rate = self._set_rate()
                self._network.train()
                while self.progress.step < order.steps:
                    is_stopped = self._step(loaded, order, stopped)
                    bar.advance()
                    if is_stopped:
                        return False
                if not self._end_epoch(order, rate, stopped, shown):
                    return False
                if self.fabric.is_global_zero:
                    bar.remark(epoch_line(self.progress.history[-1], self.config))
        return True

    def _set_rate(self) -> float:
        rate = sgdr_rate(
            self.progress.epoch,
            peak_rate=self.config.peak_rate,
            first_period=self.config.first_period,
            decay=self.config.rate_decay,
        )
        for group in self._optimizer.param_groups:
            group["lr"] = rate
        return rate

    def _step(self, loaded: Iterator[Example], order: Order, stopped: Callable[[], bool]) -> bool:
        """Take one step of the optimizer, after which all processes stop, save or continue alike.

        Returns
        -------
        bool
            Whether `stopped` was true on any process.
        """
        started = time.monotonic()
        loss = backward(
            self.fabric,
            self._network,
            self.objective,
            next(loaded),
            batch_size=order.batch_size,
            accumulate=self.settings.accumulate,
        )
        is_due = self.fabric.is_global_zero and started - self._saved > self.save_every_s
        loss, stopped_processes, due_processes = summed(self.fabric, loss, stopped(), is_due)
        self._require_finite(loss, order)
        self._optimizer.step()
        self._optimizer.zero_grad(set_to_none=True)
        self.progress.loss_sum += loss
        self.progress.step += 1
        self.progress.seconds += time.monotonic() - started
        if stopped_processes or due_processes:
            self._save(LAST)
        return bool(stopped_processes)

    def _require_finite(self, loss: float, order: Order) -> None:
        """Stop at a loss or gradient that is not finite, before it gets into the weights."""
        problem = non_finite(loss, self.model)
        if problem:
            indices = order.of_epoch(self.progress.epoch)[self.progress.step]
            ids = ", ".join(self.samples.samples[index].image_id for index in indices)
            raise TrainingError(
                f"{problem} in epoch {self.progress.epoch + 1}, step {self.progress.step + 1}, for "
                f"the images {ids}; a smaller --peak-rate or --precision 32 may help"
            )

    def _end_epoch(
        self,
        order: Order,
        rate: float,
        stopped: Callable[[], bool],
        shown: Callable[[Mapping[str, float]], None],
    ) -> bool:
        """Validate if that is due, and write the files of an epoch; False if stopped before."""
        progress = self.progress
        epoch = progress.epoch + 1
        is_validated = epoch % self.config.validate_every == 0 or epoch == self.config.epochs
        validated = self.validation.measure(stopped) if is_validated else {}
        if validated is None:
            self._save(LAST)  # all steps are taken; a resumed run validates
            return False
        row = {
            "epoch": epoch,
            "lr": rate,
            "train_loss": progress.loss_sum / order.steps,
            **validated,
            "seconds": round(progress.seconds, 3),
            "images_per_s": round(order.steps * order.batch_size / max(progress.seconds, 1e-9), 3),
        }
        if self._on_gpu:
            row[MEMORY] = round(torch.cuda.max_memory_allocated(self.fabric.device) / 2**20, 1)
        is_best = is_validated and self._is_best(row)
        progress.complete_epoch(row)
        # `last.pt` is written last: a run that is killed before it repeats the end of the epoch.
        if self.fabric.is_global_zero:
            write_metrics(self.folder / METRICS, progress.history)
            if is_sheet_due(epoch, self.config.epochs):
                sheet = self.folder / f"epoch_{epoch:04d}.png"
                write_bytes(sheet, encode_png(self.validation.sheet()))
                write_bytes(self.folder / CURVES, curves(progress.history, self.config.stage))
            shown(row)
        if is_best:
            self._save(BEST)
        if is_validated:
            self._save(LAST)
        return True

    def _is_best(self, row: Mapping[str, float]) -> bool:
        """Compare an epoch with the best so far, and record it if it is better."""
        value = merit(self.config.stage, row)
        if self.progress.best is not None and value <= self.progress.best:
            return False
        self.progress.best = value
        return True

    def _save(self, name: str) -> None:
        """Write a checkpoint on the first process, complete or not at all."""
        if self.fabric.is_global_zero:
            optimizer = {"optimizer": self._optimizer.state_dict()} if name == LAST else {}
            save_checkpoint(
                self.folder / name,
                self.model,
                self.config.network,
                texture=self.data.texture,
                side=self.samples.face_side,
                more={
                    **optimizer,
                    **self.more,
                    "stage": self.config.stage,
                    "settings": self.record,
                    "data_sha256": self.data.sha256,
                    "faces_sha256": self.data.faces_sha256,
                    "trained_by": self._trained_by,
                    "progress": self.progress.record(),
                },
            )
        self.fabric.barrier()
        self._saved = time.monotonic()
