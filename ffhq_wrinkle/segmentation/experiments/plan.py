"""Plan: how long the runs of a grid will take on this machine, and how much space they need."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from ...errors import ArgumentError, SourceError, counted
from ...inference.devices import choose_device, lacks_memory
from ..networks.catalogue import create_model
from ..networks.parameters import parameter_counts
from ..training.objectives import objective_of
from ..training.recipes import StageConfig
from ..training.training_set import Example
from ..training_data.sample_files import SampleFiles
from ..training_data.split import SHARES
from .experiment_tables import duration
from .grid import GridRun

_FULL_SIDE = 1024
_MEASURED_BATCH = 2
# best.pt has the weights in float32, last.pt also two moments of AdamW.
_BYTES_PER_PARAMETER = 4 + 3 * 4
_WEAK_BYTES = 140_000  # of a weak mask of 1024x1024


@dataclass(frozen=True)
class Plan:
    """The runs of a grid, and what they will take.

    Attributes
    ----------
    runs : tuple of GridRun
        All runs.
    finished : frozenset of str
        Names of the runs that are finished.
    seconds : float or None
        Time of the training steps of the other runs, on all devices together; None if no step could
        be measured.
    devices : int
        Number of devices.
    needed_bytes : int
        Space that the other runs need.
    """

    runs: tuple[GridRun, ...]
    finished: frozenset[str]
    seconds: float | None
    devices: int
    needed_bytes: int

    @property
    def left(self) -> list[GridRun]:
        """The runs that are not finished."""
        return [run for run in self.runs if run.name not in self.finished]

    def summary(self) -> str:
        """Return the plan in one line."""
        pretraining = sum(run.stage == "pretrain" for run in self.left)
        text = (
            f"{counted(len(self.runs), 'run')}, {len(self.finished)} of them finished. Left: "
            f"{pretraining} to pretrain, {len(self.left) - pretraining} to finetune"
        )
        if self.left:
            expected = "an unknown time (no step could be measured)"
            if self.seconds is not None:
                expected = f"about {duration(self.seconds / self.devices)} of training steps"
            text += (
                f", {expected} on {counted(self.devices, 'device')}, and about "
                f"{self.needed_bytes / 1e9:.1f} GB"
            )
        return f"{text}."


def make_plan(
    runs: Sequence[GridRun],
    finished: Sequence[str],
    files: SampleFiles,
    *,
    devices: Sequence[str],
    side: int,
) -> Plan:
    """Plan the runs that are not finished; one step of each kind of network is measured.

    Parameters
    ----------
    runs : sequence of GridRun
        All runs.
    finished : sequence of str
        Names of finished ones.
    files : SampleFiles
        The data.
    devices : sequence of str
        Names of devices, as in `device_pool.run_jobs`; the steps are measured on the first.
    side : int
        Side of the images in pixels.
    """
    done = frozenset(finished)
    left = [run for run in runs if run.name not in done]
    per_image: dict[str, float | None] = {}
    seconds: float | None = 0.0
    needed = 0
    for run in left:
        kind = repr((run.config.network, run.config.input, run.config.loss, run.config.size))
        if kind not in per_image:
            per_image[kind] = seconds_per_image(run.config, devices[0], side)
        of_image = per_image[kind]
        if of_image is not None and seconds is not None:
            seconds += of_image * run.config.epochs * images_of(run, files)
        elif of_image is None:
            seconds = None
        needed += _BYTES_PER_PARAMETER * _parameters(run.config)
    if any(run.config.needs_weak for run in left) and not files.weak:
        needed += round(len(files.images) * _WEAK_BYTES * (side / _FULL_SIDE) ** 2)
    return Plan(tuple(runs), done, seconds, len(devices), needed)


def images_of(run: GridRun, files: SampleFiles) -> int:
    """Return about how many images an epoch of a run has."""
    parts = files.split.values()
    if run.stage == "pretrain":
        kept = sum(part != "train" for part in parts) or round(0.2 * len(files.masks))
        return max(1, len(files.images) - kept)
    train = sum(part == "train" for part in parts) or round(SHARES[0] * len(files.masks))
    return max(1, round(train * run.fraction))


def seconds_per_image(config: StageConfig, device: str, side: int) -> float | None:
    """Measure a step of training on random images; None if it cannot be measured here.

    Parameters
    ----------
    config : StageConfig
        The stage.
    device : str
        Number of a CUDA device, or ``cpu``.
    side : int
        Side of the images in pixels, where `config` has whole images.
    """
    try:
        place = choose_device("cpu" if device == "cpu" else f"cuda:{device}")
        model = create_model(
            config.network, config.in_channels, config.out_channels,
            features=config.features or None,
        )  # fmt: skip
    except (ArgumentError, SourceError):
        return None
    model = model.to(place).train()
    objective = objective_of(config.loss, model)
    batch = min(_MEASURED_BATCH, config.batch_size)
    shape = (batch, config.in_channels, config.size or side, config.size or side)
    generator = torch.Generator().manual_seed(0)
    example = Example(
        number=torch.arange(batch),
        seen=torch.randint(0, 256, shape, generator=generator, dtype=torch.uint8).to(place),
        target=torch.randint(0, 256, (batch, *shape[2:]), generator=generator, dtype=torch.uint8),
        seed=torch.arange(batch),
    )
    optimizer = torch.optim.AdamW(model.parameters())
    try:
        for repeat in range(2):  # the first warms up
            started = time.monotonic()
            objective.loss(model, example).backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
            if place.type == "cuda":
                torch.cuda.synchronize(place)
            taken = time.monotonic() - started
            if repeat == 0 and place.type == "cpu" and taken > 1:
                break
    except RuntimeError as error:
        if not lacks_memory(error):
            raise
        return None
    return taken / batch


def _parameters(config: StageConfig) -> int:
    try:
        return parameter_counts(
            config.network, config.in_channels, config.out_channels, config.features or None
        ).whole
    except ArgumentError:  # its library is not installed
        return 0
