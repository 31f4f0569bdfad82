"""Boxed U-Net: the logits of a U-Net within the face, without computing what black pixels give.

Most of a masked photograph is black. The answer of the encoder's layers to it is known from a small
black image, and that of the decoder's layers is not needed. Each layer is therefore computed in a
rectangle around the face, which grows on the way to the deepest level.
"""

from typing import NamedTuple, Self

import torch
from torch.nn import functional

from .unet import Down, UNet, Up

_LEVELS = 5
_REACH = 2  # pixels across which the two 3x3 convolutions of a level see
# Rows of the finest level that are decoded at once. Their activations fit into caches.
_BAND_ROWS = 64
_LARGEST_SHARE = 0.8  # of an image; larger boxes are faster computed as a whole
# Side of the small black image: at the deepest level 10 pixels, of which borders reach 4 each.
_BLACK_SIDE = 160


class Box(NamedTuple):
    """A rectangle of pixels: rows `top` to `bottom` and columns `left` to `right`, ends excluded.

    It lies in an image of `height` times `width` pixels.
    """

    top: int
    bottom: int
    left: int
    right: int
    height: int
    width: int

    @property
    def area(self) -> int:
        """Number of pixels."""
        return (self.bottom - self.top) * (self.right - self.left)

    def dilated(self, pixels: int) -> Self:
        """Return the box with a margin, within the image."""
        return self._replace(
            top=max(self.top - pixels, 0),
            bottom=min(self.bottom + pixels, self.height),
            left=max(self.left - pixels, 0),
            right=min(self.right + pixels, self.width),
        )

    def aligned(self) -> Self:
        """Return the smallest box around this one whose ends are even; so are the image's sides."""
        return self._replace(
            top=self.top // 2 * 2,
            bottom=-(-self.bottom // 2) * 2,
            left=self.left // 2 * 2,
            right=-(-self.right // 2) * 2,
        )

    def halved(self) -> Self:
        """Return an aligned box in the image of half of the sides."""
        return self._replace(**{name: value // 2 for name, value in self._asdict().items()})

    def within(self, tensor: torch.Tensor, outer: "Box") -> torch.Tensor:
        """Return the part of a tensor (B, C, h, w) of another box, which contains this one."""
        rows = slice(self.top - outer.top, self.bottom - outer.top)
        columns = slice(self.left - outer.left, self.right - outer.left)
        return tensor[:, :, rows, columns]

    def overlap(self, other: "Box") -> Self:
        """Return what two boxes of an image share."""
        return self._replace(
            top=max(self.top, other.top),
            bottom=min(self.bottom, other.bottom),
            left=max(self.left, other.left),
            right=min(self.right, other.right),
        )


class BoxedUNet:
    """A U-Net that computes its logits only in the box around the pixels that are not black.

    Parameters
    ----------
    network : UNet
        The network, in evaluation mode. It must not change afterwards.
    """

    @torch.inference_mode()
    def __init__(self, network: UNet) -> None:
        self.network = network
        seen = torch.zeros((1, network.in_channels, _BLACK_SIDE, _BLACK_SIDE), dtype=torch.uint8)
        self._black = [network.inc(network.scaled(seen))]
        for down in self._downs():
            self._black.append(down(self._black[-1]))
        self._black_pooled = [functional.max_pool2d(level, 2) for level in self._black[:-1]]
        self.outside = self._far_from_borders()

    @torch.inference_mode()
    def logits(self, seen: torch.Tensor) -> torch.Tensor:
        """Compute the logits of an image.

        Inside the box they differ from the network's in the last bits only. Outside they are those
        in the middle of a black image.

        Parameters
        ----------
        seen : torch.Tensor
            uint8, (1, in_channels, H, W).

        Returns
        -------
        torch.Tensor
            float, (1, out_channels, H, W).
        """
        x = self.network.padded(self.network.scaled(seen))
        box = _box_of(seen, *x.shape[-2:])
        is_worth_it = box.area < _LARGEST_SHARE * box.height * box.width
        height, width = seen.shape[-2:]
        if not is_worth_it or min(box.height, box.width) < _BLACK_SIDE:
            return self.network.logits(x)[..., :height, :width]
        logits = self.outside.view(1, -1, 1, 1).repeat(1, 1, *x.shape[-2:])
        if box.area:
            logits[:, :, box.top : box.bottom, box.left : box.right] = self._logits_in(x, box)
        return logits[..., :height, :width]

    def _downs(self) -> tuple[Down, ...]:
        net = self.network
        return net.down1, net.down2, net.down3, net.down4

    def _ups(self) -> tuple[Up, ...]:
        net = self.network
        return net.up1, net.up2, net.up3, net.up4

    def _far_from_borders(self) -> torch.Tensor:
        """Return the logits in the middle of a black image of any size, (out_channels,)."""
        middle = [level[..., level.shape[-2] // 2, level.shape[-1] // 2] for level in self._black]
        deeper = middle[-1][:, :, None, None]
        for up, skipped in zip(self._ups(), reversed(middle[:-1]), strict=True):
            joined = torch.cat([skipped[:, :, None, None], deeper], dim=1)
            surrounded = joined.expand(-1, -1, 1 + 2 * _REACH, 1 + 2 * _REACH)
            deeper = up.conv(surrounded.contiguous())[:, :, _REACH, _REACH][:, :, None, None]
        return torch.as_tensor(self.network.outc(deeper)).flatten()

    def _logits_in(self, x: torch.Tensor, box: Box) -> torch.Tensor:
        """Compute the logits of a box, outside of which an input is black."""
        skipped = self._encoded(x, box)
        needed = [box]
        for _ in range(_LEVELS - 1):
            needed.append(_source(needed[-1].dilated(_REACH), x.dtype))
        decoded, of_decoded = self._filled(*skipped[-1], _LEVELS - 1, needed[-1]), needed[-1]
        for level in (3, 2, 1):
            decoded = self._decoded(level, decoded, of_decoded, skipped[level], needed[level])
            of_decoded = needed[level]
        bands = []
        for top in range(box.top, box.bottom, _BAND_ROWS):
            band = box._replace(top=top, bottom=min(top + _BAND_ROWS, box.bottom))
            bands.append(self.network.outc(self._decoded(0, decoded, of_decoded, skipped[0], band)))
        return torch.cat(bands, dim=2)

    def _encoded(self, x: torch.Tensor, box: Box) -> list[tuple[torch.Tensor, Box]]:
        """Return, for each level, what differs from a black image, and its box."""
        differing = box.dilated(_REACH).aligned()
        outer = differing.dilated(_REACH)
        block = self.network.inc
        level_input = outer.within(x, Box(0, box.height, 0, box.width, box.height, box.width))
        levels = [(differing.within(block(level_input), outer), differing)]
        for level, down in enumerate(self._downs(), start=1):
            pooling, convolutions = down.maxpool_conv
            pooled, of_pooled = pooling(levels[-1][0]), differing.halved()
            differing = of_pooled.dilated(_REACH)
            differing = differing.aligned() if level < _LEVELS - 1 else differing
            outer = differing.dilated(_REACH)
            level_input = _pasted(pooled, of_pooled, self._black_pooled[level - 1], outer)
            levels.append((differing.within(convolutions(level_input), outer), differing))
        return levels

    def _filled(self, patch: torch.Tensor, of_patch: Box, level: int, box: Box) -> torch.Tensor:
        return _pasted(patch, of_patch, self._black[level], box)

    def _decoded(
        self,
        level: int,
        deeper: torch.Tensor,
        of_deeper: Box,
        skipped: tuple[torch.Tensor, Box],
        box: Box,
    ) -> torch.Tensor:
        """Return the features of the decoder in a box of a level."""
        outer = box.dilated(_REACH)
        upsampled = _upsampled(deeper, of_deeper, outer)
        joined = torch.cat([self._filled(*skipped, level, outer), upsampled], dim=1)
        block = self._ups()[_LEVELS - 2 - level]
        return box.within(block.conv(joined), outer)


def _box_of(seen: torch.Tensor, height: int, width: int) -> Box:
    """Return the box around the pixels that are not black, in an image padded to a size."""
    lit = seen[0].any(dim=0)
    rows, columns = (lit.any(dim=dim).nonzero().flatten().tolist() for dim in (1, 0))
    if not rows:
        return Box(0, 0, 0, 0, height, width)
    # Padding repeats the last pixels.
    ends = [
        padded if last + 1 == side else last + 1
        for last, side, padded in zip(
            (rows[-1], columns[-1]), lit.shape, (height, width), strict=True
        )
    ]
    return Box(rows[0], ends[0], columns[0], ends[1], height, width)


def _pasted(patch: torch.Tensor, of_patch: Box, black: torch.Tensor, box: Box) -> torch.Tensor:
    """Return what a layer gives in a box: a patch of it, and around the patch black's answer.

    Parameters
    ----------
    patch : torch.Tensor
        (1, C, h, w) of the box `of_patch`.
    black : torch.Tensor
        (1, C, s, s): the answer to a small black image, whose middle stands for any pixel far from
        the borders.
    """
    shared = box.overlap(of_patch)
    if shared == box:
        return box.within(patch, of_patch)
    rows = _black_index(box.top, box.bottom, box.height, black.shape[-2])
    columns = _black_index(box.left, box.right, box.width, black.shape[-1])
    filled = black.index_select(2, rows).index_select(3, columns)
    if shared.top < shared.bottom and shared.left < shared.right:
        shared.within(filled, box).copy_(shared.within(patch, of_patch))
    return filled


def _black_index(first: int, end: int, length: int, side: int) -> torch.Tensor:
    """Return which rows of a small black image stand for rows of a longer one."""
    position = torch.arange(first, end)
    from_end = position - (length - side)
    return torch.where(
        position < side // 2, position, torch.where(from_end > side // 2, from_end, side // 2)
    )


def _source(box: Box, dtype: torch.dtype) -> Box:
    """Return the box of half of the resolution from which a box is upsampled."""
    half = box._replace(height=box.height // 2, width=box.width // 2)
    rows, _ = _positions(box.top, box.bottom, box.height, dtype)
    columns, _ = _positions(box.left, box.right, box.width, dtype)
    return half._replace(
        top=int(rows[0]),
        bottom=min(int(rows[-1]) + 2, half.height),
        left=int(columns[0]),
        right=min(int(columns[-1]) + 2, half.width),
    )


def _positions(
    first: int, end: int, length: int, dtype: torch.dtype
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the pixels before the source of upsampled pixels, and the share of the next ones.

    The corners of both images are aligned, as `torch.nn.Upsample` does, and rounded as there.
    """
    scale = torch.tensor((length // 2 - 1) / (length - 1), dtype=dtype)
    source = torch.arange(first, end, dtype=dtype) * scale
    before = source.to(torch.int64)
    return before, source - before


def _upsampled(deeper: torch.Tensor, of_deeper: Box, box: Box) -> torch.Tensor:
    """Upsample by 2, bilinearly, in the coordinates of the whole image."""
    for dim, (first, end, length), (offset, half) in (
        (2, (box.top, box.bottom, box.height), (of_deeper.top, of_deeper.height)),
        (3, (box.left, box.right, box.width), (of_deeper.left, of_deeper.width)),
    ):
        before, share = _positions(first, end, length, deeper.dtype)
        after = (before + 1).clamp(max=half - 1)
        share = share.view((-1, 1) if dim == 2 else (1, -1))
        deeper = torch.lerp(
            deeper.index_select(dim, before - offset),
            deeper.index_select(dim, after - offset),
            share,
        )
    return deeper
