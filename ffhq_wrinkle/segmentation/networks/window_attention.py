"""Window attention: Swin UNETR's transformer layers, for graphs that take images of any size.

MONAI decides in Python, by the size of the image, where windows lie, and an exported graph would
keep the decisions made for one size. Here tensor operations compute the same from the size.
"""

from typing import Any

import torch
from monai.networks.nets.swin_unetr import BasicLayer
from torch import nn
from torch.nn import functional

WINDOW = 16
_SHIFT = WINDOW // 2
_APART = -100.0  # added to the attention between positions that only the shift made neighbours

# Shortest side of an image, in pixels, of which every layer has at least one whole window.
LEAST_SIDE = 512


class OpenLayer(nn.Module):
    """One of Swin UNETR's layers, with MONAI's own parameters and results.

    It is right for images of at least `LEAST_SIDE` pixels a side; MONAI uses smaller windows in
    smaller ones.
    """

    def __init__(self, layer: BasicLayer) -> None:
        super().__init__()
        self.blocks = nn.Sequential(*(_OpenBlock(block) for block in layer.blocks))
        self.downsample: Any = layer.downsample

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Compute (B, 2 C, H / 2, W / 2) from (B, C, H, W)."""
        x = self.blocks(x.permute(0, 2, 3, 1))
        return torch.as_tensor(self.downsample(x)).permute(0, 3, 1, 2)


class _OpenBlock(nn.Module):
    """Attention within windows, shifted in every other block, and a perceptron; (B, H, W, C)."""

    def __init__(self, block: nn.Module) -> None:
        super().__init__()
        self.block: Any = block
        shifts: Any = block.shift_size
        self.is_shifted = any(shifts)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x + self._attended(self.block.norm1(x))
        return torch.as_tensor(x + self.block.mlp(self.block.norm2(x)))

    def _attended(self, x: torch.Tensor) -> torch.Tensor:
        height, width = x.shape[1:3]
        bottom, right = ((side + WINDOW - 1) // WINDOW * WINDOW - side for side in (height, width))
        x = functional.pad(x, (0, 0, 0, right, 0, bottom))
        if not self.is_shifted:
            return self._within_windows(x, None)[:, :height, :width]
        shifts = [_shift(side, x) for side in (height, width)]
        axes = [_positions(x.shape[axis], x) for axis in (1, 2)]
        for axis, (positions, shift) in enumerate(zip(axes, shifts, strict=True), start=1):
            x = _rolled(x, axis, positions + shift)
        mask = _mask(*(_areas(*each) for each in zip(axes, shifts, strict=True)))
        x = self._within_windows(x, mask)
        for axis, (positions, shift) in enumerate(zip(axes, shifts, strict=True), start=1):
            x = _rolled(x, axis, positions + (x.shape[axis] - shift))
        return x[:, :height, :width]

    def _within_windows(self, x: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
        """Compute multi-head attention; the mask is added to the weights."""
        attn = self.block.attn
        batch, height, width, channels = x.shape
        heads, n = attn.num_heads, WINDOW**2
        qkv = attn.qkv(_windows(x)).reshape(-1, n, 3, heads, channels // heads)
        q, k, v = qkv.permute(2, 0, 3, 1, 4).unbind(0)
        table = attn.relative_position_bias_table[attn.relative_position_index.reshape(-1)]
        weights = (q * attn.scale) @ k.transpose(-2, -1)
        weights = weights + table.reshape(n, n, heads).permute(2, 0, 1)
        if mask is not None:
            weights = weights.reshape(batch, -1, heads, n, n) + mask
            weights = weights.reshape(-1, heads, n, n)
        seen = (weights.softmax(dim=-1) @ v).transpose(1, 2).reshape(-1, n, channels)
        cut = (batch, height // WINDOW, width // WINDOW, WINDOW, WINDOW, channels)
        windows = torch.as_tensor(attn.proj(seen)).reshape(cut)
        return windows.permute(0, 1, 3, 2, 4, 5).reshape(batch, height, width, channels)


def _positions(side: int, like: torch.Tensor) -> torch.Tensor:
    return torch.arange(side, device=like.device)


def _rolled(x: torch.Tensor, axis: int, positions: torch.Tensor) -> torch.Tensor:
    """Select positions of an axis, which wraps around at its end."""
    side = x.shape[axis]
    return x.index_select(axis, torch.where(positions >= side, positions - side, positions))


def _shift(side: int, like: torch.Tensor) -> torch.Tensor:
    """Return how far windows are shifted: 0 where one of them covers the side."""
    return _SHIFT * (_positions(side, like)[-1:] >= WINDOW).long()


def _areas(positions: torch.Tensor, shift: torch.Tensor) -> torch.Tensor:
    """Return the number of the area along a side that each position was in before the shift."""
    side = positions.shape[0]
    area = (positions >= side - WINDOW).long() + (positions >= side - shift).long()
    return area * (shift > 0)


def _mask(rows: torch.Tensor, columns: torch.Tensor) -> torch.Tensor:
    """Return what is added to the attention within each window: (windows, 1, n, n)."""
    areas = (3 * rows[:, None] + columns[None, :])[None, :, :, None]
    of_window = _windows(areas)[:, :, 0]
    apart = of_window[:, :, None] != of_window[:, None, :]
    return torch.where(apart, _APART, 0.0)[:, None]


def _windows(x: torch.Tensor) -> torch.Tensor:
    """Cut (B, H, W, C) into windows: (B * windows, n, C)."""
    batch, height, width, channels = x.shape
    x = x.reshape(batch, height // WINDOW, WINDOW, width // WINDOW, WINDOW, channels)
    return x.permute(0, 1, 3, 2, 4, 5).reshape(-1, WINDOW**2, channels)
