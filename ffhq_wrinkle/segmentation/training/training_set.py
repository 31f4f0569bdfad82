"""Training set: samples as tensors, augmented, in an order that can be taken up anywhere."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch.utils.data import Dataset, Sampler

from ...errors import ArgumentError
from ...images.photographs import read_image
from ..augmentation.augmentation import AugmentSettings, FaceArrays, augmented, sample_generator
from ..networks.inputs import network_input
from ..training_data.samples import Sample, load_sample, naming
from .recipes import StageConfig

HALF = 127  # of 255: a mask's levels above are wrinkle


class Place(NamedTuple):
    """A sample's turn: in which epoch, and which of them."""

    epoch: int
    number: int


class Example(NamedTuple):
    """What a network learns from: its input, uint8 (C, H, W), and the target, uint8 (H, W).

    `number` is the sample's and `seed` for random numbers that are its own, the same in every run
    of the experiment's seed; int64 (). Of a batch, each has a first axis more.
    """

    number: torch.Tensor
    seen: torch.Tensor
    target: torch.Tensor
    seed: torch.Tensor


class TrainingSet(Dataset[Example]):
    """Samples of one stage, by `Place`.

    Parameters
    ----------
    samples : sequence of Sample
        As `preparation.prepare` finds them.
    config : StageConfig
        What is seen, and whether it is augmented and cropped.
    seed : int
        For augmentation; what comes of a sample depends on it, the epoch and the id alone.
    training : bool
        Whether to augment and crop at all.
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

    def __getitem__(self, place: Place) -> Example:
        epoch, number = place
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
        """What a stage needs of an image; if that is the image alone, with an empty target."""
        if not self.config.needs_weak:
            image = naming(sample.image, read_image)
            return FaceArrays(image, np.zeros(image.shape[:2], bool))
        stage = self.config.stage
        image, face, texture, levels = load_sample(sample, stage=stage)
        # A mask of two values stays one; soft labels and texture maps are levels.
        is_mask = stage == "finetune" and not sample.soft
        return FaceArrays(image, levels > HALF if is_mask else levels, texture, face)


class Order(Sampler[list[Place]]):
    """The batches of a run from some step of some epoch on, one after another.

    Each epoch takes the samples in another order, from the seed and its number. What does not fill
    a batch is left for other epochs; if all samples together do not, they are the batch.

    Parameters
    ----------
    samples, batch_size : int
        How many there are, and how many a step takes, on all devices together.
    epochs : int
        Of the run.
    seed : int
        For the orders.
    start : Place
        Epoch and step to begin with.
    device, devices : int
        Which part of each batch is this device's; parts differ by one sample at most.

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
                f"a batch has {self.batch_size} images for {devices} devices; give a larger "
                "--batch-size, or fewer --devices"
            )
        self.epochs = epochs
        self.seed = seed
        self.start = start
        self.device = device
        self.devices = devices

    @property
    def steps(self) -> int:
        """Of an epoch."""
        return self.samples // self.batch_size

    def of_epoch(self, epoch: int) -> np.ndarray:
        """Indices of samples in each step, (steps, batch_size)."""
        shuffled = np.random.default_rng((self.seed, epoch)).permutation(self.samples)
        return shuffled[: self.steps * self.batch_size].reshape(self.steps, self.batch_size)

    def __iter__(self) -> Iterator[list[Place]]:
        first_epoch, first_step = self.start
        for epoch in range(first_epoch, self.epochs):
            for batch in self.of_epoch(epoch)[first_step if epoch == first_epoch else 0 :]:
                mine = batch[self.device :: self.devices]
                yield [Place(epoch, int(index)) for index in mine]

    def __len__(self) -> int:
        return (self.epochs - self.start[0]) * self.steps - self.start[1]
