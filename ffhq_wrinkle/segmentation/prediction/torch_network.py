"""Torch network: a checkpoint run by PyTorch."""

import numpy as np
import torch

from ...errors import ArgumentError, SourceError
from ...inference.devices import choose_device, exact, fold_batch_norm, laid_out
from ..checkpoints.checkpoint import Checkpoint
from ..networks.boxed_unet import BoxedUNet
from ..networks.unet import UNet
from .trained_network import BATCH_ON_GPU, Precision, TrainedNetwork


class TorchNetwork(TrainedNetwork):
    """A checkpoint run by PyTorch.

    For speed, batch normalisations are folded into their convolutions and the memory format suits
    the network. This changes only the last bits of the logits. On the CPU, a U-Net computes only
    the box around the pixels of an image that are not black; see `networks.boxed_unet`.

    Parameters
    ----------
    checkpoint : Checkpoint
        The checkpoint; its network is modified and must not be used elsewhere.
    device : str
        As in `inference.devices.choose_device`.
    precision : {"32", "bf16"}
        Precision of the network's arithmetic: float32, or bfloat16 where possible, on CUDA only.
    batch_size : int, optional
        Images per batch; 4 on a GPU and 1 on the CPU if not given.

    Raises
    ------
    ArgumentError
        The device does not exist or does not support the precision.
    SourceError
        The outputs of the network are not background and wrinkle.
    """

    def __init__(
        self,
        checkpoint: Checkpoint,
        *,
        device: str = "auto",
        precision: Precision = "32",
        batch_size: int | None = None,
    ) -> None:
        model = checkpoint.model
        require_two_classes(checkpoint)
        self.device = choose_device(device)
        if precision == "bf16" and self.device.type != "cuda":
            raise ArgumentError(f"precision bf16 is for CUDA, not for {self.device.type}")
        self.precision = precision
        self.name = checkpoint.network
        self.sha256 = checkpoint.sha256
        self.in_channels = model.in_channels
        self.texture = checkpoint.texture
        self.trained_on = checkpoint.trained_on
        self.side = checkpoint.side
        self.aligned = checkpoint.aligned
        self.batch_size = batch_size or (1 if self.device.type == "cpu" else BATCH_ON_GPU)
        fold_batch_norm(model)
        self._model = laid_out(model.to(self.device), model.memory_format)
        on_cpu = self.device.type == "cpu"
        self._boxed = BoxedUNet(model) if on_cpu and isinstance(model, UNet) else None

    @torch.inference_mode()
    def batch_logits(self, batch: np.ndarray) -> np.ndarray:
        """Return the logits of a batch, computed by PyTorch."""
        seen = torch.from_numpy(batch).permute(0, 3, 1, 2)
        if self._boxed:
            images = (seen[place : place + 1] for place in range(len(seen)))
            logits = torch.cat([self._boxed.logits(image) for image in images])
        else:
            logits = self._whole_logits(seen)
        background, wrinkle = logits.float().unbind(dim=1)
        return np.asarray((wrinkle - background).cpu().numpy())

    def _whole_logits(self, seen: torch.Tensor) -> torch.Tensor:
        bf16 = self.precision == "bf16"
        with exact(self.device), torch.autocast("cuda", torch.bfloat16, enabled=bf16):
            return torch.as_tensor(self._model(self._model.scaled(seen)))


def require_two_classes(checkpoint: Checkpoint) -> None:
    """Refuse networks whose outputs are not background and wrinkle.

    Raises
    ------
    SourceError
        The network does not have 2 output channels and 3 or 4 input channels.
    """
    channels = (checkpoint.model.in_channels, checkpoint.model.out_channels)
    if channels[1] == 1:
        raise SourceError(
            "the checkpoint is from stage 1: it predicts texture maps, not wrinkles. Finetune it "
            "first, or use a checkpoint from stage 2"
        )
    if channels not in ((3, 2), (4, 2)):
        raise SourceError(
            f"the checkpoint has {channels[0]} -> {channels[1]} channels; prediction requires 3 or "
            "4 input channels (RGB, or RGB and texture map) and 2 output channels (background, "
            "wrinkle)"
        )
