"""Objectives: the task of a stage: its loss, its validation figures, and a picture of both.

`loss_catalogue` says which objective belongs to which loss of a recipe.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from importlib import import_module

import numpy as np
import torch

from ...measures.estimates import defined_mean
from ...measures.metrics import Overlap, dice, jaccard
from ..networks.sized import SizedNetwork
from .loss_catalogue import LOSSES
from .losses import masked_l1_loss, mse_loss, soft_dice_loss, soft_dice_of, soft_dice_sums
from .sheets import finetune_row, image_row, pretrain_row
from .training_set import HALF, Example
from .weighted_supervision import weighted_deep_supervision_loss

NOISE = 0.2  # standard deviation, where images are -1..1
MASKED_PATCH = 32  # pixels
MASKED_SHARE = 0.6

# The network itself, or a compiled one that is shared among devices.
Network = Callable[..., torch.Tensor]


class Objective(ABC):
    """The task that a network learns from batches of examples.

    Parameters
    ----------
    model : SizedNetwork
        The network that is trained; it scales its own input.
    """

    is_mean = True  # whether the loss is a mean over images, so that parts of a batch add up

    def __init__(self, model: SizedNetwork) -> None:
        self.model = model

    @abstractmethod
    def loss(self, network: Network, batch: Example) -> torch.Tensor:
        """Compute the loss of a batch: float, ().

        Parameters
        ----------
        network : callable
            `model`, or the compiled and shared one that training uses.
        batch : Example
            Fields have a leading batch axis: `seen` (B, C, H, W) and `target` (B, H, W).
        """

    def figures(self, batch: Example) -> torch.Tensor:
        """Compute the validation figures of one image, float (K,); here only its loss."""
        return self.loss(self.model, batch)[None]

    def summed_up(self, figures: np.ndarray) -> dict[str, float]:
        """Summarise the figures of all images, float64 (N, K), as columns of `metrics.csv`."""
        return {"val_loss": float(figures.mean())}

    @abstractmethod
    def row(self, batch: Example) -> np.ndarray:
        """Draw one image with its target and the network's result, RGB uint8."""

    def _levels(self, batch: Example, like: torch.Tensor) -> torch.Tensor:
        """Return targets as 0..1, on the device and in the type of the logits."""
        return batch.target.to(like.device, non_blocking=True).to(like.dtype).div_(255)


class TextureObjective(Objective):
    """Prediction of the masked texture map, by mean squared error: the paper's pretraining."""

    def loss(self, network: Network, batch: Example) -> torch.Tensor:
        """Compute `losses.mse_loss`."""
        x = self.model.scaled(batch.seen)
        return mse_loss(network(x), (self._levels(batch, x) * 2 - 1)[:, None])

    def row(self, batch: Example) -> np.ndarray:
        """Draw the image, its texture map, and the predicted one."""
        logits = self.model(self.model.scaled(batch.seen))
        return pretrain_row(
            _pixels(batch.seen), batch.target[0].numpy(), _as_bytes(logits)[:, :, 0]
        )


class DenoisingObjective(Objective):
    """Prediction of the noise that was added to the image [1]_, by mean squared error.

    The network sees x + s e, the simple additive form: the image x in -1..1, e normal with variance
    1 for each pixel and channel, and s = 0.2. It predicts e.

    References
    ----------
    .. [1] Brempong et al. Denoising Pretraining for Semantic Segmentation. CVPR Workshops 2022,
       arXiv:2205.11423.
    """

    def loss(self, network: Network, batch: Example) -> torch.Tensor:
        """Compute `losses.mse_loss`."""
        noisy, noise = self._noisy(batch)
        return mse_loss(network(noisy), noise)

    def row(self, batch: Example) -> np.ndarray:
        """Draw the image, the noisy image, and the noisy one minus the predicted noise."""
        noisy, _ = self._noisy(batch)
        denoised = noisy - NOISE * self.model(noisy)
        return image_row(
            {
                "image": _pixels(batch.seen),
                "with noise": _as_bytes(noisy),
                "noise removed by the network": _as_bytes(denoised),
            }
        )

    def _noisy(self, batch: Example) -> tuple[torch.Tensor, torch.Tensor]:
        """Return noisy images and their noise, float (B, C, H, W), from each sample's own seed."""
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
    """Prediction of the pixels that masked patches hide [1]_, by the absolute error inside them.

    Six in ten patches of 32x32 pixels are masked, chosen for each image separately.

    References
    ----------
    .. [1] Xie et al. SimMIM: A Simple Framework for Masked Image Modeling. CVPR 2022,
       arXiv:2111.09886.
    """

    def loss(self, network: Network, batch: Example) -> torch.Tensor:
        """Compute `losses.masked_l1_loss`."""
        x = self.model.scaled(batch.seen)
        masked = self._masked(batch, x)
        return masked_l1_loss(network(x, masked), x, masked)

    def row(self, batch: Example) -> np.ndarray:
        """Draw the image, its visible part, and the visible part with the predicted patches."""
        x = self.model.scaled(batch.seen)
        masked = self._masked(batch, x)
        hidden = masked[:, None].to(x.dtype)
        filled = x * (1 - hidden) + self.model(x, masked) * hidden
        return image_row(
            {
                "image": _pixels(batch.seen),
                "visible part": _as_bytes(x * (1 - hidden)),
                "hidden part by the network": _as_bytes(filled),
            }
        )

    @staticmethod
    def _masked(batch: Example, x: torch.Tensor) -> torch.Tensor:
        """Return the masks of images, bool (B, H, W), from each sample's own seed."""
        height, width = x.shape[-2:]
        rows, columns = (math.ceil(side / MASKED_PATCH) for side in (height, width))
        patches = torch.zeros(len(x), rows * columns, dtype=torch.bool)
        count = math.ceil(MASKED_SHARE * rows * columns)
        for of_image, seed in zip(patches, batch.seed, strict=True):
            generator = _generator(seed, torch.device("cpu"))
            of_image[torch.randperm(rows * columns, generator=generator)[:count]] = True
        pixels = patches.view(-1, rows, columns)
        for axis in (1, 2):
            pixels = pixels.repeat_interleave(MASKED_PATCH, dim=axis)
        return pixels[:, :height, :width].to(x.device)


class WrinkleObjective(Objective):
    """Segmentation of the wrinkles that people drew, by soft Dice: the paper's finetuning.

    The sums of soft Dice include all images of a batch, on whichever devices they are.
    """

    is_mean = False

    def loss(self, network: Network, batch: Example) -> torch.Tensor:
        """Compute `losses.soft_dice_loss`."""
        x = self.model.scaled(batch.seen)
        return soft_dice_loss(network(x), self._levels(batch, x))

    def figures(self, batch: Example) -> torch.Tensor:
        """Compute the sums of soft Dice, then the overlap of prediction and reference."""
        logits = self.model(self.model.scaled(batch.seen))
        levels = self._levels(batch, logits)
        predicted, truth = logits[:, 1] > logits[:, 0], levels >= 0.5
        counts = [predicted & truth, truth, predicted, torch.ones_like(truth)]
        sums = soft_dice_sums(logits, levels).flatten()
        overlap = torch.stack([pixels.sum() for pixels in counts])
        return torch.cat([sums.cpu().double(), overlap.cpu()])

    def summed_up(self, figures: np.ndarray) -> dict[str, float]:
        """Compute the soft Dice loss of all images pooled, and JSI and F1 as means over images."""
        loss = soft_dice_of(torch.from_numpy(figures[:, :4].sum(axis=0)).reshape(2, 2))
        overlap = Overlap(*figures[:, 4:].T)
        return {
            "val_loss": float(loss),
            "val_jsi": float(defined_mean(jaccard(overlap)[None])[0]),
            "val_f1": float(defined_mean(dice(overlap)[None])[0]),
        }

    def row(self, batch: Example) -> np.ndarray:
        """Draw the image, and on it true positives, false positives and false negatives."""
        logits = self.model(self.model.scaled(batch.seen))[0].cpu()
        predicted = (logits[1] > logits[0]).numpy()
        return finetune_row(_pixels(batch.seen), batch.target[0].numpy() > HALF, predicted)


class DeeplySupervisedObjective(WrinkleObjective):
    """Segmentation by a network with coarser outputs, each with its weighted soft Dice."""

    def loss(self, network: Network, batch: Example) -> torch.Tensor:
        """Compute `weighted_supervision.weighted_deep_supervision_loss`."""
        x = self.model.scaled(batch.seen)
        return weighted_deep_supervision_loss(network(x), self._levels(batch, x))


def objective_of(loss: str, model: SizedNetwork) -> Objective:
    """Make the objective of a loss that `loss_catalogue.LOSSES` has."""
    spec = LOSSES[loss]
    objective: type[Objective] = getattr(import_module(spec.module, __package__), spec.class_name)
    return objective(model)


def _generator(seed: torch.Tensor, device: torch.device) -> torch.Generator:
    return torch.Generator(device).manual_seed(int(seed))


def _pixels(seen: torch.Tensor) -> np.ndarray:
    """Return RGB of the first input of a batch, uint8 (H, W, 3)."""
    return np.ascontiguousarray(seen[0, :3].cpu().numpy().transpose(1, 2, 0))


def _as_bytes(values: torch.Tensor) -> np.ndarray:
    """Return the first of a batch of images in -1..1 as uint8 (H, W, C)."""
    levels = (values[0].float().cpu() + 1).mul(127.5).clamp(0, 255).byte()
    return np.ascontiguousarray(levels.numpy().transpose(1, 2, 0))
