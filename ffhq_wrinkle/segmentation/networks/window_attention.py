"""Window attention: Swin UNETR's transformer layers, written so that sizes may stay open.

MONAI decides by the size of the image how windows are laid, in Python, which an exported graph
would keep as it was for one size. Here the same is computed from the size itself.
"""

from typing import Any

import torch
from monai.networks.nets.swin_unetr import BasicLayer
from torch import nn
from torch.nn import functional

from .swin_unetr import WINDOW

_SHIFT = WINDOW // 2
_APART = -100.0  # added to the attention of positions that only the shift brought together

# The shortest side of an image, in pixels, of which each layer has a whole window.
LEAST_SIDE = 512


class OpenLayer(nn.Module):
    """One of Swin UNETR's layers, with MONAI's own parameters and numbers.

    For images of at least `LEAST_SIDE` pixels a side; smaller ones have smaller windows.
    """

    def __init__(self, layer: BasicLayer) -> None:
        super().__init__()
        self.blocks = nn.Sequential(*(_OpenBlock(block) for block in layer.blocks))
        self.downsample: Any = layer.downsample

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, C, H, W) to (B, 2 C, H / 2, W / 2)."""
        x = self.blocks(x.permute(0, 2, 3, 1))
        return torch.as_tensor(self.downsample(x)).permute(0, 3, 1, 2)


class _OpenBlock(nn.Module):
    """Attention within windows, shifted in every other block, and a perceptron: (B, H, W, C)."""

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
        places = [_positions(x.shape[axis], x) for axis in (1, 2)]
        for axis, (at, shift) in enumerate(zip(places, shifts, strict=True), start=1):
            x = _rolled(x, axis, at + shift)
        mask = _mask(*(_areas(at, shift) for at, shift in zip(places, shifts, strict=True)))
        x = self._within_windows(x, mask)
        for axis, (at, shift) in enumerate(zip(places, shifts, strict=True), start=1):
            x = _rolled(x, axis, at + (x.shape[axis] - shift))
        return x[:, :height, :width]

    def _within_windows(self, x: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
        """Multi-head attention; the mask is added to the weights."""
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


def _rolled(x: torch.Tensor, axis: int, at: torch.Tensor) -> torch.Tensor:
    """The positions `at` of an axis, which begins again at its end."""
    side = x.shape[axis]
    return x.index_select(axis, torch.where(at >= side, at - side, at))


def _shift(side: int, like: torch.Tensor) -> torch.Tensor:
    """By how much windows are shifted: not at all where one of them covers the side."""
    return _SHIFT * (_positions(side, like)[-1:] >= WINDOW).long()


def _areas(at: torch.Tensor, shift: torch.Tensor) -> torch.Tensor:
    """Number of the area along a side that each position was in before the shift: (side,)."""
    side = at.shape[0]
    area = (at >= side - WINDOW).long() + (at >= side - shift).long()
    return area * (shift > 0)


def _mask(rows: torch.Tensor, columns: torch.Tensor) -> torch.Tensor:
    """What is added to the attention within each window: (windows, 1, n, n)."""
    areas = (3 * rows[:, None] + columns[None, :])[None, :, :, None]
    of_window = _windows(areas)[:, :, 0]
    apart = of_window[:, :, None] != of_window[:, None, :]
    return torch.where(apart, _APART, 0.0)[:, None]


def _windows(x: torch.Tensor) -> torch.Tensor:
    """(B, H, W, C) cut into windows: (B * windows, n, C)."""
    batch, height, width, channels = x.shape
    x = x.reshape(batch, height // WINDOW, WINDOW, width // WINDOW, WINDOW, channels)
    return x.permute(0, 1, 3, 2, 4, 5).reshape(-1, WINDOW**2, channels)
