"""Validation: the network of an epoch on the validation part, in figures and pictures.

The images are whole and not augmented.
"""

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
from lightning_fabric import Fabric

from ..training_data.samples import Sample, Stage
from .loader import batches
from .objectives import Objective
from .processes import merged, summed
from .recipes import StageConfig
from .sheets import SHOWN, stacked
from .training_set import TrainingSet, Turn


class Validation:
    """Measures a network on the validation part, and draws what it predicts.

    Parameters
    ----------
    fabric : Fabric
        Launched; each of its devices takes some of the images.
    objective : Objective
        Computes the figures and the pictures of its network.
    samples : sequence of Sample
        The validation part.
    config : StageConfig
        Settings of the stage, including the network's input.
    seed : int
        As for the training set.
    workers : int
        Processes that load samples.
    """

    def __init__(
        self,
        fabric: Fabric,
        objective: Objective,
        samples: Sequence[Sample],
        config: StageConfig,
        *,
        seed: int,
        workers: int = 0,
    ) -> None:
        self.fabric = fabric
        self.objective = objective
        self.samples = TrainingSet(samples, config, seed=seed, training=False)
        self.workers = workers

    @torch.inference_mode()
    def measure(self, stopped: Callable[[], bool]) -> dict[str, float] | None:
        """Measure the network; all processes must call this.

        Parameters
        ----------
        stopped : callable
            Called after each image; true on any process ends the measurement.

        Returns
        -------
        dict of str to float, or None
            The columns of `metrics.csv` about validation; None if it was ended.
        """
        self.objective.model.eval()
        own = range(self.fabric.global_rank, len(self.samples), self.fabric.world_size)
        figures: dict[int, np.ndarray] = {}
        loaded = batches(
            self.samples,
            workers=self.workers,
            pinned=self.fabric.device.type == "cuda",
            sampler=[Turn(0, index) for index in own],
        )
        with self.fabric.autocast():
            for example in loaded:
                of_image = self.objective.figures(example).cpu().double().numpy()
                figures[int(example.number)] = of_image
                if stopped():
                    break
        (stopped_processes,) = summed(self.fabric, stopped())
        if stopped_processes:
            return None
        of_all = merged(self.fabric, figures)
        return self.objective.summed_up(np.stack([of_all[key] for key in sorted(of_all)]))

    @torch.inference_mode()
    def sheet(self) -> np.ndarray:
        """Draw what the network makes of the first validation images, RGB uint8."""
        self.objective.model.eval()
        shown = [Turn(0, number) for number in range(min(SHOWN, len(self.samples)))]
        loaded = batches(self.samples, workers=0, pinned=False, sampler=shown)
        with self.fabric.autocast():
            return stacked([self.objective.row(example) for example in loaded])


def epoch_line(row: Mapping[str, float], config: StageConfig) -> str:
    """Return the figures of an epoch, a row of `metrics.csv`, as a line for the terminal.

    >>> from .recipes import read_recipe
    >>> config = read_recipe("unet_texture").finetune
    >>> row = {"epoch": 3, "train_loss": 0.5, "val_loss": 0.6, "val_jsi": 0.25, "val_f1": 0.4}
    >>> epoch_line(row, config)
    'finetune, epoch 3 of 150: training loss 0.5000; validation loss 0.6000, JSI 0.2500, F1 0.4000'
    """
    text = (
        f"{config.stage}, epoch {row['epoch']} of {config.epochs}: "
        f"training loss {row['train_loss']:.4f}"
    )
    names = {"val_loss": "loss", "val_jsi": "JSI", "val_f1": "F1"}
    figures = [
        f"{name} undefined" if math.isnan(row[column]) else f"{name} {row[column]:.4f}"
        for column, name in names.items()
        if column in row
    ]
    return f"{text}; validation {', '.join(figures)}" if figures else text


def merit(stage: Stage, row: Mapping[str, float]) -> float:
    """Return by how much the network of an epoch is preferred, from its row of `metrics.csv`.

    That is the mean JSI or, in pretraining, minus the loss; an undefined value is the worst.

    >>> merit("finetune", {"val_loss": 0.5, "val_jsi": 0.4}), merit("pretrain", {"val_loss": 0.5})
    (0.4, -0.5)
    """
    value = -row["val_loss"] if stage == "pretrain" else row["val_jsi"]
    return -math.inf if math.isnan(value) else value
