"""Processes: what those of one run, each with a device, tell each other."""

from typing import Any

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import distributed


def summed(fabric: Fabric, *values: float) -> list[float]:
    """Each value's sum over all processes, which all of them get.

    All have to call it, in the same order.
    """
    if fabric.world_size == 1:
        return list(values)
    own = torch.tensor(values, dtype=torch.float32, device=fabric.device)
    everyone: Any = fabric.all_reduce(own, reduce_op="sum")
    return [float(value) for value in everyone]


def merged(fabric: Fabric, found: dict[int, np.ndarray]) -> dict[int, np.ndarray]:
    """What all processes found, which all of them get."""
    if fabric.world_size == 1:
        return found
    gathered: list[dict[int, np.ndarray] | None] = [None] * fabric.world_size
    distributed.all_gather_object(gathered, found)
    return {key: value for part in gathered if part for key, value in part.items()}
