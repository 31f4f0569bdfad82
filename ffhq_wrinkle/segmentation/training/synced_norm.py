"""Synced norm: batch normalisation over the batches of all processes, on the CPU too."""

import torch
from torch import distributed, nn

from .losses import summed_over_devices


class SyncedBatchNorm2d(nn.BatchNorm2d):
    """Batch normalisation with statistics of all processes' batches.

    What `torch.nn.SyncBatchNorm` does on GPUs alone, on any device.
    """

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, C, H, W) to the same."""
        if not self.training:
            return super().forward(x)
        axes, dtype = (0, 2, 3), x.dtype
        x = x.to(self.weight.dtype)  # in half precision sums would lose digits
        count = x.new_tensor([x.numel() / x.shape[1]])
        total = summed_over_devices(torch.cat([x.sum(axes), count]))
        mean, count = total[:-1] / total[-1], total[-1]
        # In a second pass: the mean of squares less the square of the mean loses digits.
        away = x - mean[:, None, None]
        variance = summed_over_devices(away.square().sum(axes)) / count
        self._note(mean.detach(), variance.detach(), count.detach())
        scale = self.weight * torch.rsqrt(variance + self.eps)
        normal = away * scale[:, None, None] + self.bias[:, None, None]
        return torch.as_tensor(normal.to(dtype))

    @torch.no_grad()
    def _note(self, mean: torch.Tensor, variance: torch.Tensor, count: torch.Tensor) -> None:
        """Keep the running statistics, of the unbiased variance as PyTorch does."""
        if self.running_mean is None or self.running_var is None or self.momentum is None:
            return
        self.running_mean.lerp_(mean, self.momentum)
        self.running_var.lerp_(variance * count / (count - 1), self.momentum)
        if self.num_batches_tracked is not None:
            self.num_batches_tracked.add_(1)


def share_batch_norms(network: nn.Module) -> None:
    """Have a network's batch normalisations see all processes' batches, if there are several.

    Its parameters keep their names.
    """
    if not (distributed.is_available() and distributed.is_initialized()):
        return
    for module in network.modules():
        for name, child in list(module.named_children()):
            if type(child) is nn.BatchNorm2d:
                other = SyncedBatchNorm2d(child.num_features, eps=child.eps)
                other.momentum = child.momentum
                other.load_state_dict(child.state_dict())
                setattr(module, name, other.train(child.training))
