"""Gradients: those of one step, of a batch that may be computed in parts and on several devices."""

import math
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from lightning_fabric import Fabric
from torch import nn

from ...errors import TrainingError, counted
from ..networks.catalogue import NETWORKS
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
def step_advice(
    fabric: Fabric, config: StageConfig, *, batch_size: int, accumulate: int
) -> Iterator[None]:
    """Turn a batch that is too large or too small into an error that names options to change.

    Raises
    ------
    TrainingError
        In the `with` block, the device ran out of memory, or batch normalization got a single value
        per channel, from which it cannot estimate a variance.
    """
    try:
        yield
    except torch.OutOfMemoryError as error:
        images = math.ceil(batch_size / fabric.world_size / accumulate)
        advice = [f"--accumulate {2 * accumulate}"] if images > 1 else []
        advice += ["--precision bf16", "--size 512"]
        can_checkpoint = NETWORKS[config.network].gradient_checkpointing
        if can_checkpoint and not config.gradient_checkpointing:
            advice.append("--gradient-checkpointing")
        raise TrainingError(
            f"{fabric.device} has too little memory for {counted(images, 'image')} at once; try "
            f"{' or '.join(advice)}, or a smaller --batch-size"
        ) from error
    except ValueError as error:
        if not str(error).startswith("Expected more than 1 value per channel"):  # PyTorch's words
            raise
        crops = f"crops of {config.size} pixels" if config.size else "such images"
        advice = [f"--size {2 * config.size}"] if config.size else []
        advice.append("a smaller --accumulate" if accumulate > 1 else "a larger --batch-size")
        raise TrainingError(
            f"{crops} are too small for {config.network} with --batch-size {batch_size}: one value "
            "per channel is left at its coarsest level, and batch normalization needs two; try "
            f"{' or '.join(advice)}"
        ) from error
