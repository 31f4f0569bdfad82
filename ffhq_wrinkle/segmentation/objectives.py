"""Objectives: what a stage of training makes small, how it is validated, and how it looks."""

from abc import ABC, abstractmethod
from collections.abc import Callable

import numpy as np
import torch

from ..estimates import defined_mean
from ..metrics import Overlap, dice, jaccard
from .losses import mse_loss, soft_dice_loss, soft_dice_of, soft_dice_sums
from .recipes import Loss
from .sheets import finetune_row, pretrain_row
from .sized import SizedNetwork
from .training_set import HALF, Example

# The network, as it is, or as compiled and shared among devices.
Network = Callable[..., torch.Tensor]


class Objective(ABC):
    """What a network learns from batches of examples.

    Parameters
    ----------
    model : SizedNetwork
        The network that is trained, which knows how its input should be.
    """

    is_mean = True  # whether the loss is a mean over images, so that parts of a batch add up

    def __init__(self, model: SizedNetwork) -> None:
        self.model = model

    @abstractmethod
    def loss(self, network: Network, batch: Example) -> torch.Tensor:
        """What to make small: float, ().

        Parameters
        ----------
        network : callable
            `model`, or what stands for it in training.
        batch : Example
            With a first axis for its samples: `seen` (B, C, H, W) and `target` (B, H, W).
        """

    def figures(self, batch: Example) -> torch.Tensor:
        """What validation keeps of one image, float (K,); here its loss alone."""
        return self.loss(self.model, batch)[None]

    def summed_up(self, figures: np.ndarray) -> dict[str, float]:
        """A row's part of `metrics.csv`, from the figures of all images, float64 (N, K)."""
        return {"val_loss": float(figures.mean())}

    @abstractmethod
    def row(self, batch: Example) -> np.ndarray:
        """What the network makes of one image, beside what it should: RGB uint8."""

    def _levels(self, batch: Example, like: torch.Tensor) -> torch.Tensor:
        """Targets as 0..1, where and of the type that logits are."""
        return batch.target.to(like.device, non_blocking=True).to(like.dtype).div_(255)


class TextureObjective(Objective):
    """Predict the masked texture map, by its mean squared error: the paper's pretraining."""

    def loss(self, network: Network, batch: Example) -> torch.Tensor:
        """As `losses.mse_loss`."""
        x = self.model.scaled(batch.seen)
        return mse_loss(network(x), (self._levels(batch, x) * 2 - 1)[:, None])

    def row(self, batch: Example) -> np.ndarray:
        """The image, its texture map, and the predicted one."""
        logits = self.model(self.model.scaled(batch.seen))
        return pretrain_row(
            _pixels(batch.seen), batch.target[0].numpy(), _as_bytes(logits)[:, :, 0]
        )


class WrinkleObjective(Objective):
    """Find the wrinkles that people drew, by soft Dice: the paper's finetuning.

    The sums of soft Dice go over all images of a batch, on whichever devices they are.
    """

    is_mean = False

    def loss(self, network: Network, batch: Example) -> torch.Tensor:
        """As `losses.soft_dice_loss`."""
        x = self.model.scaled(batch.seen)
        return soft_dice_loss(network(x), self._levels(batch, x))

    def figures(self, batch: Example) -> torch.Tensor:
        """Sums of soft Dice, then the overlap of what is predicted with what was drawn."""
        logits = self.model(self.model.scaled(batch.seen))
        levels = self._levels(batch, logits)
        predicted, truth = logits[:, 1] > logits[:, 0], levels >= 0.5
        counts = [predicted & truth, truth, predicted, torch.ones_like(truth)]
        sums = soft_dice_sums(logits, levels).flatten()
        return torch.cat([sums.cpu().double(), torch.stack([one.sum() for one in counts]).cpu()])

    def summed_up(self, figures: np.ndarray) -> dict[str, float]:
        """The soft Dice loss of all images together, and JSI and F1 as means over images."""
        loss = soft_dice_of(torch.from_numpy(figures[:, :4].sum(axis=0)).reshape(2, 2))
        overlap = Overlap(*figures[:, 4:].T)
        return {
            "val_loss": float(loss),
            "val_jsi": float(defined_mean(jaccard(overlap)[None])[0]),
            "val_f1": float(defined_mean(dice(overlap)[None])[0]),
        }

    def row(self, batch: Example) -> np.ndarray:
        """The image, and on it what is found, invented and missed."""
        logits = self.model(self.model.scaled(batch.seen))[0].cpu()
        found = (logits[1] > logits[0]).numpy()
        return finetune_row(_pixels(batch.seen), batch.target[0].numpy() > HALF, found)


_OBJECTIVES: dict[Loss, type[Objective]] = {
    "mse": TextureObjective,
    "soft_dice": WrinkleObjective,
}


def objective_of(loss: Loss, model: SizedNetwork) -> Objective:
    """The objective that goes with a recipe's loss."""
    return _OBJECTIVES[loss](model)


def _pixels(seen: torch.Tensor) -> np.ndarray:
    """The first of a batch of inputs, its RGB: uint8 (H, W, 3)."""
    return np.ascontiguousarray(seen[0, :3].cpu().numpy().transpose(1, 2, 0))


def _as_bytes(values: torch.Tensor) -> np.ndarray:
    """The first of a batch of images in -1..1: uint8 (H, W, C)."""
    levels = (values[0].float().cpu() + 1).mul(127.5).clamp(0, 255).byte()
    return np.ascontiguousarray(levels.numpy().transpose(1, 2, 0))
