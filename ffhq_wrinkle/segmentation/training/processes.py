"""Processes: what the processes of one run, each with its own device, compute together.

Sums and results are collected outside the network's graph (`summed`, `merged`). Inside it, losses
and batch normalisation use sums over the batch of all processes (`summed_over_devices`,
`SyncedBatchNorm2d`), so that a result does not depend on how many devices share a batch.
"""

from typing import Any

import numpy as np
import torch
import torch.distributed.nn.functional as shared
from lightning_fabric import Fabric
from torch import distributed, nn


def summed(fabric: Fabric, *values: float) -> list[float]:
    """Return the sum of each value over all processes, the same on every process.

    All processes must call it, in the same order.
    """
    if fabric.world_size == 1:
        return list(values)
    own = torch.tensor(values, dtype=torch.float32, device=fabric.device)
    everyone: Any = fabric.all_reduce(own, reduce_op="sum")
    return [float(value) for value in everyone]


def merged(fabric: Fabric, results: dict[int, np.ndarray]) -> dict[int, np.ndarray]:
    """Return the results of all processes, the same on every process."""
    if fabric.world_size == 1:
        return results
    gathered: list[dict[int, np.ndarray] | None] = [None] * fabric.world_size
    distributed.all_gather_object(gathered, results)
    return {key: value for part in gathered if part for key, value in part.items()}


def summed_over_devices(values: torch.Tensor) -> torch.Tensor:
    """Return the sum of a tensor over all processes of a run; gradients flow through it."""
    if not (distributed.is_available() and distributed.is_initialized()):
        return values
    # Its gradient is summed over processes too, and then averaged with the parameters' gradients,
    # which leaves the gradient of the whole.
    return torch.as_tensor(shared.all_reduce(values))  # type: ignore[no-untyped-call]


class SyncedBatchNorm2d(nn.BatchNorm2d):
    """Batch normalisation with statistics over the batches of all processes.

    It computes what `torch.nn.SyncBatchNorm` does, which works on GPUs only, on any device.
    """

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Normalise (B, C, H, W)."""
        if not self.training:
            return super().forward(x)
        axes, dtype = (0, 2, 3), x.dtype
        x = x.to(self.weight.dtype)  # sums in half precision would lose digits
        count = x.new_tensor([x.numel() / x.shape[1]])
        total = summed_over_devices(torch.cat([x.sum(axes), count]))
        mean, count = total[:-1] / total[-1], total[-1]
        # A second pass, because the mean of squares less the square of the mean loses digits.
        deviation = x - mean[:, None, None]
        variance = summed_over_devices(deviation.square().sum(axes)) / count
        self._update_running_statistics(mean.detach(), variance.detach(), count.detach())
        scale = self.weight * torch.rsqrt(variance + self.eps)
        normalised = deviation * scale[:, None, None] + self.bias[:, None, None]
        return torch.as_tensor(normalised.to(dtype))

    @torch.no_grad()
    def _update_running_statistics(
        self, mean: torch.Tensor, variance: torch.Tensor, count: torch.Tensor
    ) -> None:
        """Update the running statistics, with the unbiased variance as PyTorch does."""
        if self.running_mean is None or self.running_var is None or self.momentum is None:
            return
        self.running_mean.lerp_(mean, self.momentum)
        self.running_var.lerp_(variance * count / (count - 1), self.momentum)
        if self.num_batches_tracked is not None:
            self.num_batches_tracked.add_(1)


def share_batch_norms(network: nn.Module) -> None:
    """Replace a network's batch normalisations by synced ones if there are several processes.

    Parameters keep their names.
    """
    if not (distributed.is_available() and distributed.is_initialized()):
        return
    for module in network.modules():
        for name, child in list(module.named_children()):
            if type(child) is nn.BatchNorm2d:
                synced = SyncedBatchNorm2d(child.num_features, eps=child.eps)
                synced.momentum = child.momentum
                synced.load_state_dict(child.state_dict())
                setattr(module, name, synced.train(child.training))
