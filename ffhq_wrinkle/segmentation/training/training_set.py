"""Training set: samples as tensors, augmented, in an order that can be resumed at any step."""

from collections.abc import Iterator, Sequence
from functools import cached_property
from statistics import median_low
from typing import NamedTuple

import numpy as np
import torch
from torch.utils.data import Dataset, Sampler

from ...errors import ArgumentError, counted
from ...images.named import read_named
from ...images.photographs import read_image, read_size
from ..augmentation.augmentation import AugmentSettings, FaceArrays, augmented, sample_generator
from ..networks.inputs import network_input
from ..training_data.samples import Sample, load_sample
from .recipes import StageConfig

_MEASURED = 64  # images whose sizes stand for those of all
HALF = 127  # of 255: higher levels of a mask are wrinkle


class Turn(NamedTuple):
    """The turn of a sample: the epoch, and the number of the sample."""

    epoch: int
    number: int


class Example(NamedTuple):
    """One example for a network; in a batch every field has a leading batch axis.

    Attributes
    ----------
    number : torch.Tensor
        The number of the sample, int64 ().
    seen : torch.Tensor
        The network's input, uint8 (C, H, W).
    target : torch.Tensor
        uint8 (H, W).
    seed : torch.Tensor
        int64 (), for random numbers of this example, the same in each run with the same seed.
    """

    number: torch.Tensor
    seen: torch.Tensor
    target: torch.Tensor
    seed: torch.Tensor


class TrainingSet(Dataset[Example]):
    """The samples of one stage as examples, by `Turn`.

    Parameters
    ----------
    samples : sequence of Sample
        As prepared by `preparation.prepare`.
    config : StageConfig
        The input, augmentation and crops of the stage.
    seed : int
        Seed of augmentation. An example depends only on it, the epoch and the id.
    training : bool
        Whether images are augmented and cropped at all.
    """

    def __init__(
        self, samples: Sequence[Sample], config: StageConfig, *, seed: int, training: bool
    ) -> None:
        self.samples = samples
        self.config = config
        self.seed = seed
        self.settings = AugmentSettings() if training and config.augment else None
        self.crop = config.size if training and config.size else None

    def __len__(self) -> int:
        return len(self.samples)

    @cached_property
    def face_side(self) -> int:
        """Median of the longer sides of the images, in pixels, from evenly spaced ones."""
        step = -(-len(self.samples) // _MEASURED)
        return median_low(
            max(read_named(sample.image, read_size)) for sample in self.samples[::step]
        )

    def __getitem__(self, turn: Turn) -> Example:
        epoch, number = turn
        sample = self.samples[number]
        arrays = self._arrays(sample)
        random = sample_generator(self.seed, epoch, sample.image_id)
        if self.settings or self.crop:
            settings = self.settings or AugmentSettings.none()
            arrays = augmented(arrays, settings, random, crop=self.crop)
        seen = arrays.image
        if self.config.stage == "finetune":
            face = arrays.face
            if face is None:
                face = np.ones(seen.shape[:2], bool)
            texture = arrays.texture if self.config.input == "rgb+texture" else None
            seen = network_input(seen, face, texture)
        target = arrays.target
        if target.dtype == bool:
            target = target * np.uint8(255)
        return Example(
            torch.tensor(number),
            torch.from_numpy(np.ascontiguousarray(seen.transpose(2, 0, 1))),
            torch.from_numpy(np.ascontiguousarray(target)),
            torch.tensor(random.integers(2**63)),
        )

    def _arrays(self, sample: Sample) -> FaceArrays:
        """Read what the stage needs of an image; without a target, that is an empty one."""
        if not self.config.needs_weak:
            image = read_named(sample.image, read_image)
            return FaceArrays(image, np.zeros(image.shape[:2], bool))
        stage = self.config.stage
        image, face, texture, levels = load_sample(sample, stage=stage)
        # A mask of two values is augmented as a mask; soft masks and texture maps as levels.
        is_mask = stage == "finetune" and not sample.soft
        return FaceArrays(image, levels > HALF if is_mask else levels, texture, face)


class Order(Sampler[list[Turn]]):
    """The batches of a run from a given step of a given epoch on.

    Each epoch has its own order of the samples, which depends on the seed and the epoch. Samples
    that do not fill a batch are left to other epochs. If all samples together do not fill one, they
    form the batch.

    Parameters
    ----------
    samples : int
        Number of samples.
    batch_size : int
        Samples of a step, on all devices together.
    epochs : int
        Epochs of the run.
    seed : int
        Seed of the orders.
    start : tuple of int
        Epoch and step to start at.
    device, devices : int
        The number of this device, and how many there are. Each takes a part of every batch; the
        parts differ by one sample at most.

    Raises
    ------
    ArgumentError
        A batch has fewer samples than there are devices.
    """

    def __init__(
        self,
        samples: int,
        batch_size: int,
        *,
        epochs: int,
        seed: int,
        start: tuple[int, int] = (0, 0),
        device: int = 0,
        devices: int = 1,
    ) -> None:
        self.samples = samples
        self.batch_size = min(batch_size, samples)
        if self.batch_size < devices:
            raise ArgumentError(
                f"a batch has {counted(self.batch_size, 'image')} for "
                f"{counted(devices, 'device')}; choose a larger --batch-size, or fewer --devices"
            )
        self.epochs = epochs
        self.seed = seed
        self.start = start
        self.device = device
        self.devices = devices

    @property
    def steps(self) -> int:
        """Steps of an epoch."""
        return self.samples // self.batch_size

    def of_epoch(self, epoch: int) -> np.ndarray:
        """Return the numbers of the samples of each step, int (steps, batch_size)."""
        shuffled = np.random.default_rng((self.seed, epoch)).permutation(self.samples)
        return shuffled[: self.steps * self.batch_size].reshape(self.steps, self.batch_size)

    def __iter__(self) -> Iterator[list[Turn]]:
        first_epoch, first_step = self.start
        for epoch in range(first_epoch, self.epochs):
            for batch in self.of_epoch(epoch)[first_step if epoch == first_epoch else 0 :]:
                own = batch[self.device :: self.devices]
                yield [Turn(epoch, int(number)) for number in own]

    def __len__(self) -> int:
        return (self.epochs - self.start[0]) * self.steps - self.start[1]
