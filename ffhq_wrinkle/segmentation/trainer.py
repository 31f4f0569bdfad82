"""Trainer: one stage of training: setup, fit, validate."""

import logging
import math
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import distributed
from torch.utils.data import DataLoader, default_collate

from ..errors import TrainingError
from ..files import write_bytes
from ..png import encode_png
from ..progress import Progress
from ..weak import TextureSettings
from .checkpoint import save_checkpoint
from .objectives import objective_of
from .recipes import StageConfig
from .samples import Sample, Stage
from .schedule import sgdr_rate
from .sheets import SHOWN, is_due, stacked
from .sized import SizedNetwork
from .stage_state import (
    BEST,
    LAST,
    METRICS,
    Progressed,
    random_states,
    read_state,
    set_random_states,
    write_metrics,
)
from .synced_norm import share_batch_norms
from .training_set import Example, Order, Place, TrainingSet, begin_loading, one_opencv_thread

log = logging.getLogger(__name__)

SAVE_EVERY_S = 300.0


class StageTrainer:
    """Trains a network in one stage, in a folder where it can be stopped and taken up again.

    Parameters
    ----------
    fabric : Fabric
        Launched: devices and precision.
    model : SizedNetwork
        What is trained, in place.
    folder : Path
        Of the stage: gets `last.pt`, `best.pt`, `metrics.csv`, and every few epochs a sheet of
        validation predictions.
    stage, config
        Which, and how.
    train, val : sequence of Sample
        What is learned from, and what `best.pt` is chosen by.
    texture : TextureSettings
        How the texture maps were made.
    side : int
        Of the images that it sees, in pixels.
    seed : int
        For the order and augmentation.
    settings : mapping
        What the result depends on; a run of other settings is not taken up.
    more : mapping
        What checkpoints keep besides: versions, the hash of the data.
    workers, accumulate : int
        Processes that load; and in how many parts each batch is computed, for less memory.
    compile_model : bool
        Whether to have PyTorch compile the network.
    stopped : callable
        Asked after each step; true ends the run there.
    shown : callable, optional
        Called with each row of `metrics.csv`.
    """

    def __init__(
        self,
        fabric: Fabric,
        model: SizedNetwork,
        folder: Path,
        *,
        stage: Stage,
        config: StageConfig,
        train: Sequence[Sample],
        val: Sequence[Sample],
        texture: TextureSettings,
        side: int,
        seed: int,
        settings: Mapping[str, Any],
        more: Mapping[str, Any],
        workers: int = 0,
        accumulate: int = 1,
        compile_model: bool = False,
        stopped: Callable[[], bool] = lambda: False,
        shown: Callable[[Mapping[str, float]], None] = lambda _: None,
    ) -> None:
        self.fabric = fabric
        self.model = model
        self.folder = folder
        self.stage: Stage = stage
        self.config = config
        self.objective = objective_of(config.loss, model)
        self.train = TrainingSet(train, config, seed=seed, training=True)
        self.val = TrainingSet(val, config, seed=seed, training=False)
        self.texture = texture
        self.side = side
        self.seed = seed
        self.settings = dict(settings)
        self.more = dict(more)
        self.workers = workers
        self.accumulate = accumulate
        self.compile_model = compile_model
        self.stopped = stopped
        self.shown = shown
        self.progress = Progressed()
        self._saved = time.monotonic()

    def setup(self) -> None:
        """Bring network and optimizer to the device, and to where an earlier run was left."""
        share_batch_norms(self.model)
        self.model.to(memory_format=self.model.memory_format)
        left = read_state(self.folder / LAST, self.settings)
        if left:
            self.model.load_state_dict(left["model"])
        on_gpu = self.fabric.device.type == "cuda"
        optimizer = torch.optim.AdamW(
            self.model.parameters(),
            lr=self.config.peak_rate,
            betas=(self.config.beta1, self.config.beta2),
            weight_decay=self.config.weight_decay,
            fused=on_gpu,
        )
        network: Any = torch.compile(self.model) if self.compile_model else self.model
        self._network, self._optimizer = self.fabric.setup(network, optimizer)
        if left:
            self._optimizer.load_state_dict(left["optimizer"])
            set_random_states(left["random"])
            self.progress = Progressed(**left["progress"])
            log.info(
                "%s goes on at epoch %d, step %d",
                self.stage, self.progress.epoch + 1, self.progress.step + 1,
            )  # fmt: skip

    @one_opencv_thread()
    def fit(self) -> bool:
        """Train to the end, or until told to stop; whether it came to the end.

        Raises
        ------
        TrainingError
            The loss is no finite number, or the device has too little memory.
        """
        order = self._order()
        loader = DataLoader(
            self.train,
            batch_sampler=order,
            num_workers=self.workers,
            pin_memory=self.fabric.device.type == "cuda",
            persistent_workers=self.workers > 0,
            worker_init_fn=begin_loading,
        )
        batches = iter(loader)
        with Progress(len(order), f"{self.stage}, steps") as bar:
            while self.progress.epoch < self.config.epochs:
                started = time.monotonic()
                self._network.train()
                rate = self._set_rate()
                while self.progress.step < order.steps:
                    self.progress.loss_sum += self._step(next(batches), order)
                    self.progress.step += 1
                    bar.advance()
                    if self._told_to_stop():
                        self.progress.seconds += time.monotonic() - started
                        self._save(LAST)
                        return False
                    if time.monotonic() - self._saved > SAVE_EVERY_S:
                        self._save(LAST)
                self.progress.seconds += time.monotonic() - started
                self._end_epoch(order, rate)
        return True

    def _order(self) -> Order:
        return Order(
            len(self.train),
            self.config.batch_size,
            epochs=self.config.epochs,
            seed=self.seed,
            start=(self.progress.epoch, self.progress.step),
            device=self.fabric.global_rank,
            devices=self.fabric.world_size,
        )

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

    def _step(self, batch: Example, order: Order) -> float:
        """One step of the optimizer on this device's part of a batch; gives the loss."""
        count = min(self.accumulate, len(batch.seen))
        parts = [Example(*part) for part in zip(*(one.chunk(count) for one in batch), strict=True)]
        total = 0.0
        try:
            for number, part in enumerate(parts, start=1):
                waiting = number < len(parts) and self.fabric.world_size > 1
                with self.fabric.no_backward_sync(self._network, enabled=waiting):
                    loss = self.objective.loss(self._network, part) / len(parts)
                    self.fabric.backward(loss)
                total += float(loss.detach())
        except torch.OutOfMemoryError as error:
            raise TrainingError(self._memory_advice(order)) from error
        if not math.isfinite(total):
            indices = order.of_epoch(self.progress.epoch)[self.progress.step]
            ids = ", ".join(self.train.samples[index].image_id for index in indices)
            raise TrainingError(
                f"the loss is {total} in epoch {self.progress.epoch + 1}, step "
                f"{self.progress.step + 1}, of the images {ids}; a smaller --peak-rate or "
                "--precision 32 may help"
            )
        self._optimizer.step()
        self._optimizer.zero_grad(set_to_none=True)
        return total

    def _memory_advice(self, order: Order) -> str:
        each = max(1, order.batch_size // self.fabric.world_size // self.accumulate)
        advice = [f"--accumulate {2 * self.accumulate}"] if each > 1 else []
        advice += ["--precision bf16", "--size 512"]
        if self.config.network == "swin_unetr" and not self.config.gradient_checkpointing:
            advice.append("--gradient-checkpointing")
        return (
            f"{self.fabric.device} has too little memory for {each} images at once; try "
            f"{' or '.join(advice)}, or a smaller --batch-size"
        )

    def _told_to_stop(self) -> bool:
        """Whether any of the processes was told to; they all stop at the same step."""
        if self.fabric.world_size == 1:
            return self.stopped()
        told = torch.tensor(float(self.stopped()), device=self.fabric.device)
        everyone: Any = self.fabric.all_reduce(told, reduce_op="sum")
        return bool(everyone > 0)

    def _end_epoch(self, order: Order, rate: float) -> None:
        done = self.progress
        row = {
            "epoch": done.epoch + 1,
            "lr": rate,
            "train_loss": done.loss_sum / order.steps,
            **self.validate(),
            "seconds": round(done.seconds, 3),
            "images_per_s": round(order.steps * order.batch_size / max(done.seconds, 1e-9), 3),
        }
        better = self._is_better(row)
        done.history.append(row)
        done.epoch, done.step, done.loss_sum, done.seconds = done.epoch + 1, 0, 0.0, 0.0
        if better:
            self._save(BEST)
        self._save(LAST)
        if self.fabric.is_global_zero:
            write_metrics(self.folder / METRICS, done.history)
            self.shown(row)
            if is_due(done.epoch, self.config.epochs):
                write_bytes(self.folder / f"epoch_{done.epoch:04d}.png", encode_png(self._sheet()))

    def _is_better(self, row: Mapping[str, float]) -> bool:
        """Whether an epoch's network is the best so far: by JSI, in stage 1 by the loss."""
        value = -row["val_loss"] if self.stage == "pretrain" else row["val_jsi"]
        if math.isnan(value):
            value = -math.inf
        if self.progress.best is not None and value <= self.progress.best:
            return False
        self.progress.best = value
        return True

    @torch.inference_mode()
    def validate(self) -> dict[str, float]:
        """What `metrics.csv` says of the validation part, whose images are whole, not augmented."""
        self._network.eval()
        mine = range(self.fabric.global_rank, len(self.val), self.fabric.world_size)
        found: dict[int, np.ndarray] = {}
        loader = DataLoader(
            self.val,
            sampler=[Place(0, index) for index in mine],
            num_workers=self.workers,
            worker_init_fn=begin_loading,
        )
        for one in loader:
            found[int(one.number)] = self.objective.figures(one).double().cpu().numpy()
        gathered: list[dict[int, np.ndarray] | None] = [found]
        if self.fabric.world_size > 1:
            gathered = [None] * self.fabric.world_size
            distributed.all_gather_object(gathered, found)
        everything = {key: value for part in gathered if part for key, value in part.items()}
        return self.objective.summed_up(np.stack([everything[key] for key in sorted(everything)]))

    @torch.inference_mode()
    def _sheet(self) -> np.ndarray:
        """What the network makes of the first validation images, RGB uint8."""
        self.model.eval()
        shown = range(min(SHOWN, len(self.val)))
        return stacked(
            [self.objective.row(default_collate([self.val[Place(0, one)]])) for one in shown]
        )

    def _save(self, name: str) -> None:
        """Write a checkpoint, by one process, whole or not at all."""
        if self.fabric.is_global_zero:
            state = {"optimizer": self._optimizer.state_dict()} if name == LAST else {}
            save_checkpoint(
                self.folder / name,
                self.model,
                self.config.network,
                texture=self.texture,
                side=self.side,
                more={
                    **state,
                    **self.more,
                    "stage": self.stage,
                    "settings": self.settings,
                    "progress": self.progress.record(),
                    "random": random_states(),
                },
            )
        self.fabric.barrier()
        self._saved = time.monotonic()
