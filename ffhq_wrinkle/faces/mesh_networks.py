"""Mesh networks: MediaPipe's short-range face detector and face mesh, written in PyTorch.

Both are stacks of `Block`. Their weights ship with the package; `mediapipe/NOTICE` says whose they
are. `tools/convert_face_mesh.py` makes the file of weights and compares both networks with the
originals. `detection` finds faces by the first network, and `mesh` places the second on them.
"""

import hashlib
import io
from collections.abc import Callable
from importlib import resources
from zipfile import BadZipFile

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from ..errors import SourceError
from ..inference.weights import load_strictly

WEIGHTS = "mediapipe/face_mesh.npz"
DETECTOR_SIDE, MESH_SIDE = 128, 192  # pixels of the networks' square inputs
MESH_POINTS = 468
BOX_VALUES = 16  # of each anchor: a box, and six points, as x and y

# Channels of the blocks; a stride of 2 where the resolution is halved. The detector has these:
_FINE = (
    (24, 1), (28, 1), (32, 2), (36, 1), (42, 1), (48, 2), (56, 1), (64, 1), (72, 1), (80, 1),
    (88, 1),
)  # fmt: skip
_COARSE = ((96, 2), (96, 1), (96, 1), (96, 1), (96, 1))
# and of the mesh:
_TRUNK = (
    (16, 1), (16, 1), (32, 2), (32, 1), (32, 1), (64, 2), (64, 1), (64, 1), (128, 2), (128, 1),
    (128, 1), (128, 2), (128, 1), (128, 1),
)  # fmt: skip


class SamePadded(nn.Module):
    """A convolution whose output has the input's size, divided by the stride and rounded up.

    It pads as TensorFlow does: with a stride of 2, one row and column more below and to the right
    than above and to the left, where PyTorch pads all sides alike.
    """

    def __init__(
        self, inputs: int, outputs: int, kernel: int, stride: int, groups: int = 1
    ) -> None:
        super().__init__()
        total = kernel - stride  # of inputs whose side is a multiple of the stride
        before = total // 2
        # Unequal padding needs a copy of the input; equal padding is left to the convolution.
        self._extra = (before, total - before) * 2 if total % 2 else None
        self.conv = nn.Conv2d(
            inputs, outputs, kernel, stride, padding=0 if self._extra else before, groups=groups
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Convolve (B, C, H, W); the stride must divide H and W."""
        output: torch.Tensor = self.conv(functional.pad(x, self._extra) if self._extra else x)
        return output


class Block(nn.Module):
    """BlazeFace's block: a depthwise and a 1x1 convolution beside a shortcut.

    With a stride of 2 the shortcut is pooled. If the block adds channels, the shortcut is 0 there.
    """

    def __init__(self, inputs: int, outputs: int, stride: int, activation: nn.Module) -> None:
        super().__init__()
        self.depthwise = SamePadded(inputs, inputs, 3, stride, groups=inputs)
        self.pointwise = nn.Conv2d(inputs, outputs, 1)
        self.activation = activation
        self._stride = stride
        self._added = outputs - inputs

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return features of (B, outputs, H / stride, W / stride)."""
        shortcut = functional.max_pool2d(x, 2) if self._stride == 2 else x
        if self._added:
            shortcut = functional.pad(shortcut, (0, 0, 0, 0, 0, self._added))
        features: torch.Tensor = self.activation(shortcut + self.pointwise(self.depthwise(x)))
        return features


class Detector(nn.Module):
    """The short-range face detector of MediaPipe, a BlazeFace (Bazarevsky et al. 2019)."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = SamePadded(3, 24, 5, 2)
        self.fine = nn.Sequential(*_blocks(24, _FINE, _relu))
        self.coarse = nn.Sequential(*_blocks(88, _COARSE, _relu))
        self.fine_boxes = nn.Conv2d(88, 2 * BOX_VALUES, 1)
        self.coarse_boxes = nn.Conv2d(96, 6 * BOX_VALUES, 1)
        self.fine_scores = nn.Conv2d(88, 2, 1)
        self.coarse_scores = nn.Conv2d(96, 6, 1)

    def forward(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the anchors' boxes and points, (B, 896, 16), and their logits, (B, 896).

        Images are RGB from -1 to 1, (B, 3, 128, 128). A grid of 16x16 cells with two anchors each
        comes first, then a grid of 8x8 cells with six.
        """
        fine = self.fine(functional.relu(self.stem(images)))
        coarse = self.coarse(fine)
        boxes = [
            _by_anchor(self.fine_boxes(fine), BOX_VALUES),
            _by_anchor(self.coarse_boxes(coarse), BOX_VALUES),
        ]
        logits = [_by_anchor(self.fine_scores(fine), 1), _by_anchor(self.coarse_scores(coarse), 1)]
        return torch.cat(boxes, dim=1), torch.cat(logits, dim=1)[:, :, 0]


class FaceMesh(nn.Module):
    """The face mesh of MediaPipe without attention (Kartynnik et al. 2019)."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(SamePadded(3, 16, 3, 2), nn.PReLU(16))
        self.trunk = nn.Sequential(*_blocks(16, _TRUNK, nn.PReLU))
        self.points = _mesh_branch((2, 1, 1), 3 * MESH_POINTS)
        self.presence = _mesh_branch((2,), 1)

    def forward(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the points, (B, 468, 3), and the logit that there is a face, (B,).

        Images are RGB from 0 to 1, (B, 3, 192, 192). Points are x, y and z in pixels of the input;
        z increases away from the camera.
        """
        features = self.trunk(self.stem(images))
        points = self.points(features).reshape(-1, MESH_POINTS, 3)
        return points, self.presence(features).reshape(-1)


def load_networks() -> tuple[Detector, FaceMesh, str]:
    """Return the detector, the face mesh, and the SHA-256 of the file of their weights.

    Raises
    ------
    SourceError
        The installed file is damaged.
    """
    content = (resources.files(__package__) / WEIGHTS).read_bytes()
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            weights = {
                name: torch.from_numpy(arrays[name].astype(np.float32)) for name in arrays.files
            }
    except (OSError, ValueError, EOFError, BadZipFile) as error:
        raise SourceError(f"{WEIGHTS} of this installation is damaged: {error}") from error
    detector, mesh = Detector().eval(), FaceMesh().eval()
    for prefix, network in (("detector.", detector), ("mesh.", mesh)):
        own = {
            name.removeprefix(prefix): value
            for name, value in weights.items()
            if name.startswith(prefix)
        }
        load_strictly(network, own, source=WEIGHTS, title=f"the {prefix[:-1]} of MediaPipe")
    return detector, mesh, hashlib.sha256(content).hexdigest()


def _blocks(
    inputs: int, blocks: tuple[tuple[int, int], ...], activation: Callable[[int], nn.Module]
) -> list[Block]:
    """Return blocks of the given channels and strides; the activation is made for the channels."""
    sizes = [inputs, *(outputs for outputs, _ in blocks)]
    return [
        Block(before, outputs, stride, activation(outputs))
        for before, (outputs, stride) in zip(sizes[:-1], blocks, strict=True)
    ]


def _relu(channels: int) -> nn.Module:
    return nn.ReLU()


def _mesh_branch(strides: tuple[int, ...], outputs: int) -> nn.Sequential:
    """Return the layers from the trunk's features, (B, 128, 6, 6), to (B, outputs, 1, 1)."""
    return nn.Sequential(
        *_blocks(128, tuple((128, stride) for stride in strides), nn.PReLU),
        nn.Conv2d(128, 32, 1),
        nn.PReLU(32),
        Block(32, 32, 1, nn.PReLU(32)),
        nn.Conv2d(32, outputs, 3),
    )


def _by_anchor(grid: torch.Tensor, values: int) -> torch.Tensor:
    """Return (B, anchors, values) of a grid of cells, (B, anchors a cell * values, H, W)."""
    return grid.permute(0, 2, 3, 1).reshape(len(grid), -1, values)
