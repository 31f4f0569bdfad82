"""Objectives: what a stage of training makes small, how it is validated, and how it looks."""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable

import numpy as np
import torch

from ...measures.estimates import defined_mean
from ...measures.metrics import Overlap, dice, jaccard
from ..networks.sized import SizedNetwork
from .losses import masked_l1_loss, mse_loss, soft_dice_loss, soft_dice_of, soft_dice_sums
from .recipes import Loss
from .sheets import finetune_row, image_row, pretrain_row
from .training_set import HALF, Example
from .weighted_supervision import weighted_deep_supervision_loss

NOISE = 0.2  # standard deviation, where images are -1..1
MASKED_PATCH = 32  # pixels
MASKED_SHARE = 0.6

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


class DenoisingObjective(Objective):
    """Predict the noise that was added to the image [1]_, by its mean squared error.

    x + s e, with e normal of variance 1 for each pixel and channel and s = 0.2, where the image x
    is -1..1: the simple additive form. The network predicts e.

    References
    ----------
    .. [1] Brempong et al. Denoising Pretraining for Semantic Segmentation. CVPR Workshops 2022,
       arXiv:2205.11423.
    """

    def loss(self, network: Network, batch: Example) -> torch.Tensor:
        """As `losses.mse_loss`."""
        noisy, noise = self._noisy(batch)
        return mse_loss(network(noisy), noise)

    def row(self, batch: Example) -> np.ndarray:
        """The image, with noise, and with what the network takes for noise taken off again."""
        noisy, _ = self._noisy(batch)
        without = noisy - NOISE * self.model(noisy)
        return image_row([_pixels(batch.seen), _as_bytes(noisy), _as_bytes(without)])

    def _noisy(self, batch: Example) -> tuple[torch.Tensor, torch.Tensor]:
        """Images with noise, and their noise: float (B, C, H, W); of each sample's own seed."""
        x = self.model.scaled(batch.seen)
        noise = torch.stack(
            [
                torch.randn(
                    x.shape[1:], generator=_generator(seed, x.device), device=x.device,
                    dtype=x.dtype,
                )
                for seed in batch.seed
            ]
        )  # fmt: skip
        return x + NOISE * noise, noise


class MaskedImageObjective(Objective):
    """Predict what masked patches hide [1]_, by the absolute error inside them.

    Six in ten of the patches of 32x32 pixels are masked, of each image others.

    References
    ----------
    .. [1] Xie et al. SimMIM: A Simple Framework for Masked Image Modeling. CVPR 2022,
       arXiv:2111.09886.
    """

    def loss(self, network: Network, batch: Example) -> torch.Tensor:
        """As `losses.masked_l1_loss`."""
        x = self.model.scaled(batch.seen)
        masked = self._masked(batch, x)
        return masked_l1_loss(network(x, masked), x, masked)

    def row(self, batch: Example) -> np.ndarray:
        """The image, what the network sees of it, and that with what it puts in."""
        x = self.model.scaled(batch.seen)
        masked = self._masked(batch, x)
        hidden = masked[:, None].to(x.dtype)
        filled = x * (1 - hidden) + self.model(x, masked) * hidden
        return image_row([_pixels(batch.seen), _as_bytes(x * (1 - hidden)), _as_bytes(filled)])

    @staticmethod
    def _masked(batch: Example, x: torch.Tensor) -> torch.Tensor:
        """Where images are masked, bool (B, H, W); of each sample's own seed."""
        height, width = x.shape[-2:]
        rows, columns = (math.ceil(side / MASKED_PATCH) for side in (height, width))
        patches = torch.zeros(len(x), rows * columns, dtype=torch.bool)
        count = math.ceil(MASKED_SHARE * rows * columns)
        for one, seed in zip(patches, batch.seed, strict=True):
            generator = _generator(seed, torch.device("cpu"))
            one[torch.randperm(rows * columns, generator=generator)[:count]] = True
        pixels = patches.view(-1, rows, columns)
        for axis in (1, 2):
            pixels = pixels.repeat_interleave(MASKED_PATCH, dim=axis)
        return pixels[:, :height, :width].to(x.device)


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


class DeeplySupervisedObjective(WrinkleObjective):
    """Find wrinkles by a network with coarser outputs, each with its weighted soft Dice."""

    def loss(self, network: Network, batch: Example) -> torch.Tensor:
        """As `weighted_supervision.weighted_deep_supervision_loss`."""
        x = self.model.scaled(batch.seen)
        return weighted_deep_supervision_loss(network(x), self._levels(batch, x))


_OBJECTIVES: dict[Loss, type[Objective]] = {
    "mse": TextureObjective,
    "denoising": DenoisingObjective,
    "masked_l1": MaskedImageObjective,
    "soft_dice": WrinkleObjective,
    "weighted_deep_supervision": DeeplySupervisedObjective,
}


def objective_of(loss: Loss, model: SizedNetwork) -> Objective:
    """The objective that goes with a recipe's loss."""
    return _OBJECTIVES[loss](model)


def _generator(seed: torch.Tensor, device: torch.device) -> torch.Generator:
    return torch.Generator(device).manual_seed(int(seed))


def _pixels(seen: torch.Tensor) -> np.ndarray:
    """The first of a batch of inputs, its RGB: uint8 (H, W, 3)."""
    return np.ascontiguousarray(seen[0, :3].cpu().numpy().transpose(1, 2, 0))


def _as_bytes(values: torch.Tensor) -> np.ndarray:
    """The first of a batch of images in -1..1: uint8 (H, W, C)."""
    levels = (values[0].float().cpu() + 1).mul(127.5).clamp(0, 255).byte()
    return np.ascontiguousarray(levels.numpy().transpose(1, 2, 0))
