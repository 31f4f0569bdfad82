"""Trainer: one stage of training: setup, fit, validate."""

import logging
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import nn

from ...errors import TrainingError
from ...images.png import encode_png
from ...inference.devices import laid_out
from ...runs.opencv_threads import one_opencv_thread
from ...runs.progress import Progress
from ...storage.writing import write_bytes
from ...weak_labels.texture import TextureSettings
from ..checkpoints.checkpoint import save_checkpoint
from ..networks.sized import SizedNetwork
from ..training_data.samples import Sample, Stage
from .loader import batches
from .objectives import objective_of
from .processes import merged, summed
from .recipes import StageConfig
from .schedule import sgdr_rate
from .sheets import SHOWN, is_due, stacked
from .stage_state import (
    BEST,
    LAST,
    MEMORY,
    METRICS,
    Progressed,
    read_state,
    write_metrics,
)
from .synced_norm import share_batch_norms
from .training_set import Example, Order, Place, TrainingSet

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
    data_sha256 : str
        Of the listing; nor is one of other data.
    more : mapping
        What checkpoints keep besides, such as versions.
    workers, accumulate : int
        Processes that load; and in how many parts each batch is computed, for less memory.
    compile_model : bool
        Whether to have PyTorch compile the network.
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
        data_sha256: str,
        more: Mapping[str, Any],
        workers: int = 0,
        accumulate: int = 1,
        compile_model: bool = False,
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
        self.data_sha256 = data_sha256
        self.more = dict(more)
        self.workers = workers
        self.accumulate = accumulate
        self.compile_model = compile_model
        self.stopped: Callable[[], bool] = lambda: False
        self.shown: Callable[[Mapping[str, float]], None] = lambda _: None
        self.progress = Progressed()
        self._on_gpu = fabric.device.type == "cuda"
        self._saved = time.monotonic()

    def setup(self) -> None:
        """Bring network and optimizer to the device, and to where an earlier run was left."""
        share_batch_norms(self.model)
        laid_out(self.model, self.model.memory_format)
        left = read_state(self.folder / LAST, self.settings, self.data_sha256)
        if left:
            self.model.load_state_dict(left["model"])
        optimizer = torch.optim.AdamW(
            self.model.parameters(),
            lr=self.config.peak_rate,
            betas=(self.config.beta1, self.config.beta2),
            weight_decay=self.config.weight_decay,
            fused=self.fabric.device.type in ("cuda", "cpu"),
        )
        network: Any = torch.compile(self.model) if self.compile_model else self.model
        self._network, self._optimizer = self.fabric.setup(network, optimizer)
        if left:
            self._optimizer.load_state_dict(left["optimizer"])
            self.progress = Progressed(**left["progress"])
            log.info(
                "%s goes on at epoch %d, step %d",
                self.stage, self.progress.epoch + 1, self.progress.step + 1,
            )  # fmt: skip

    @one_opencv_thread()
    def fit(
        self,
        *,
        stopped: Callable[[], bool] = lambda: False,
        shown: Callable[[Mapping[str, float]], None] = lambda _: None,
    ) -> bool:
        """Train to the end, or until told to stop.

        Parameters
        ----------
        stopped : callable, optional
            Asked after each step; true ends training there.
        shown : callable, optional
            Called with each row of `metrics.csv`, by the first process.

        Returns
        -------
        bool
            Whether it came to the end.

        Raises
        ------
        TrainingError
            The loss or its gradient is no finite number, or the device has too little memory.
        """
        self.stopped, self.shown = stopped, shown
        order = Order(
            len(self.train),
            self.config.batch_size,
            epochs=self.config.epochs,
            seed=self.seed,
            start=(self.progress.epoch, self.progress.step),
            device=self.fabric.global_rank,
            devices=self.fabric.world_size,
        )
        loaded = batches(self.train, workers=self.workers, pinned=self._on_gpu, batch_sampler=order)
        with self._memory_advised(order), Progress(len(order), f"{self.stage}, steps") as bar:
            while self.progress.epoch < self.config.epochs:
                rate = self._set_rate()
                self._network.train()
                while self.progress.step < order.steps:
                    told = self._step(loaded, order)
                    bar.advance()
                    if told:
                        return False
                if not self._end_epoch(order, rate):
                    return False
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

    def _step(self, loaded: Iterator[Example], order: Order) -> bool:
        """One step of the optimizer, after which all processes stop, save, or go on alike.

        Returns
        -------
        bool
            Whether any of them was told to stop.
        """
        started = time.monotonic()
        loss = self._backward(next(loaded), order)
        due = self.fabric.is_global_zero and started - self._saved > SAVE_EVERY_S
        loss, told, due_to_save = summed(self.fabric, loss, self.stopped(), due)
        self._require_finite(loss, order)
        self._optimizer.step()
        self._optimizer.zero_grad(set_to_none=True)
        self.progress.loss_sum += loss
        self.progress.step += 1
        self.progress.seconds += time.monotonic() - started
        if told or due_to_save:
            self._save(LAST)
        return bool(told)

    def _backward(self, batch: Example, order: Order) -> float:
        """Gradients of this device's part of a batch; gives its share of the batch's loss."""
        devices = self.fabric.world_size
        # As many on each device, or those with more would wait for the others for ever.
        count = min(self.accumulate, order.batch_size // devices)
        parts = zip(*(one.tensor_split(count) for one in batch), strict=True)
        total = 0.0
        for number, part in enumerate(map(Example._make, parts), start=1):
            weight = 1 / count
            if self.objective.is_mean:
                weight = len(part.seen) * devices / order.batch_size  # gradients are averaged
            with self.fabric.no_backward_sync(
                self._network, enabled=number < count and devices > 1
            ):
                loss = self.objective.loss(self._network, part) * weight
                self.fabric.backward(loss)
            total += float(loss.detach()) / devices
        return total

    def _require_finite(self, loss: float, order: Order) -> None:
        """Stop at a loss or gradient that is no number, before it gets into the weights."""
        gradients = [one.grad for one in self.model.parameters() if one.grad is not None]
        found = {"loss": loss, "gradient": float(nn.utils.get_total_norm(gradients))}
        for what, value in found.items():
            if not math.isfinite(value):
                indices = order.of_epoch(self.progress.epoch)[self.progress.step]
                ids = ", ".join(self.train.samples[index].image_id for index in indices)
                raise TrainingError(
                    f"the {what} is {value} in epoch {self.progress.epoch + 1}, step "
                    f"{self.progress.step + 1}, of the images {ids}; a smaller --peak-rate or "
                    "--precision 32 may help"
                )

    @contextmanager
    def _memory_advised(self, order: Order) -> Iterator[None]:
        """Say what would fit where the device has too little memory."""
        try:
            yield
        except torch.OutOfMemoryError as error:
            each = math.ceil(order.batch_size / self.fabric.world_size / self.accumulate)
            advice = [f"--accumulate {2 * self.accumulate}"] if each > 1 else []
            advice += ["--precision bf16", "--size 512"]
            swin = self.config.network in ("swin_unetr", "swin_unetr_96")
            if swin and not self.config.gradient_checkpointing:
                advice.append("--gradient-checkpointing")
            raise TrainingError(
                f"{self.fabric.device} has too little memory for {each} images at once; try "
                f"{' or '.join(advice)}, or a smaller --batch-size"
            ) from error

    def _end_epoch(self, order: Order, rate: float) -> bool:
        """Validate if that is due, and write what an epoch leaves; False if told to stop first."""
        done = self.progress
        number = done.epoch + 1
        due = number % self.config.validate_every == 0 or number == self.config.epochs
        found = self.validate() if due else {}
        if found is None:
            self._save(LAST)  # all steps are done; validation begins anew
            return False
        row = {
            "epoch": number,
            "lr": rate,
            "train_loss": done.loss_sum / order.steps,
            **found,
            "seconds": round(done.seconds, 3),
            "images_per_s": round(order.steps * order.batch_size / max(done.seconds, 1e-9), 3),
        }
        if self._on_gpu:
            row[MEMORY] = round(torch.cuda.max_memory_allocated(self.fabric.device) / 2**20, 1)
        better = due and self._is_better(row)
        done.history.append(row)
        done.epoch, done.step, done.loss_sum, done.seconds = done.epoch + 1, 0, 0.0, 0.0
        # `last.pt` comes last: what is killed before it does the epoch's end again.
        if self.fabric.is_global_zero:
            write_metrics(self.folder / METRICS, done.history)
            if is_due(done.epoch, self.config.epochs):
                write_bytes(self.folder / f"epoch_{done.epoch:04d}.png", encode_png(self._sheet()))
            self.shown(row)
        if better:
            self._save(BEST)
        if due:
            self._save(LAST)
        return True

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
    def validate(self) -> dict[str, float] | None:
        """What `metrics.csv` says of the validation part; None if told to stop meanwhile.

        Its images are whole and not augmented.
        """
        self._network.eval()
        mine = range(self.fabric.global_rank, len(self.val), self.fabric.world_size)
        found: dict[int, np.ndarray] = {}
        loaded = batches(
            self.val,
            workers=self.workers,
            pinned=self._on_gpu,
            sampler=[Place(0, index) for index in mine],
        )
        with self.fabric.autocast():
            for one in loaded:
                found[int(one.number)] = self.objective.figures(one).cpu().double().numpy()
                if self.stopped():
                    break
        (told,) = summed(self.fabric, self.stopped())
        if told:
            return None
        figures = merged(self.fabric, found)
        return self.objective.summed_up(np.stack([figures[key] for key in sorted(figures)]))

    @torch.inference_mode()
    def _sheet(self) -> np.ndarray:
        """What the network makes of the first validation images, RGB uint8."""
        self.model.eval()
        shown = [Place(0, number) for number in range(min(SHOWN, len(self.val)))]
        loaded = batches(self.val, workers=0, pinned=False, sampler=shown)
        with self.fabric.autocast():
            return stacked([self.objective.row(one) for one in loaded])

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
                    "data_sha256": self.data_sha256,
                    "progress": self.progress.record(),
                },
            )
        self.fabric.barrier()
        self._saved = time.monotonic()
