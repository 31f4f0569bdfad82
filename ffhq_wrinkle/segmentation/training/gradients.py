"""Gradients: those of one step, of a batch that may be computed in parts and on several devices."""

import math
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from lightning_fabric import Fabric
from torch import nn

from ...errors import TrainingError
from .objectives import Network, Objective
from .recipes import StageConfig
from .training_set import Example


def backward(
    fabric: Fabric,
    network: Network,
    objective: Objective,
    batch: Example,
    *,
    batch_size: int,
    accumulate: int,
) -> float:
    """Add the gradients of this device's part of a batch to the network's.

    Parameters
    ----------
    fabric : Fabric
        Launched.
    network : callable
        The network as `fabric` set it up.
    objective : Objective
        The loss.
    batch : Example
        This device's part of the batch.
    batch_size : int
        Images of the whole batch, on all devices.
    accumulate : int
        Number of parts in which the batch is computed one after another, to save memory.

    Returns
    -------
    float
        This device's share of the batch's loss; the shares of all devices add up to it.
    """
    devices = fabric.world_size
    # The same number on each device, or those with more parts would wait forever for the others.
    count = min(accumulate, batch_size // devices)
    parts = zip(*(field.tensor_split(count) for field in batch), strict=True)
    total = 0.0
    for number, part in enumerate(map(Example._make, parts), start=1):
        weight = 1 / count
        if objective.is_mean:
            weight = len(part.seen) * devices / batch_size  # gradients are averaged over devices
        has_more = number < count
        # Fabric's own class of modules is not public.
        with fabric.no_backward_sync(network, enabled=has_more and devices > 1):  # type: ignore[arg-type]
            loss = objective.loss(network, part) * weight
            fabric.backward(loss)
        total += float(loss.detach()) / devices
    return total


def non_finite(loss: float, network: nn.Module) -> str:
    """Describe a loss or gradient that is not a finite number; empty if both are finite."""
    gradients = [parameter.grad for parameter in network.parameters() if parameter.grad is not None]
    norms = {"loss": loss, "gradient": float(nn.utils.get_total_norm(gradients))}
    for name, value in norms.items():
        if not math.isfinite(value):
            return f"the {name} is {value}"
    return ""


@contextmanager
def memory_advice(
    fabric: Fabric, config: StageConfig, *, batch_size: int, accumulate: int
) -> Iterator[None]:
    """Turn a lack of device memory into an error that names options which need less.

    Raises
    ------
    TrainingError
        The device ran out of memory in the `with` block.
    """
    try:
        yield
    except torch.OutOfMemoryError as error:
        images = math.ceil(batch_size / fabric.world_size / accumulate)
        advice = [f"--accumulate {2 * accumulate}"] if images > 1 else []
        advice += ["--precision bf16", "--size 512"]
        swin = config.network in ("swin_unetr", "swin_unetr_96")
        if swin and not config.gradient_checkpointing:
            advice.append("--gradient-checkpointing")
        raise TrainingError(
            f"{fabric.device} has too little memory for {images} images at once; try "
            f"{' or '.join(advice)}, or a smaller --batch-size"
        ) from error
