"""ncnn network: BiSeNet written out layer by layer for ncnn, whose Winograd kernels suit CPUs.

What ncnn's own converter makes of it asks for the sizes of what it pools and enlarges while it
runs, which ncnn can not tell; here, with images of 512x512, they are fixed. The first convolution,
of 7x7 on three channels, is no work for Winograd's algorithm: PyTorch does it in a third of the
time.
"""

import struct
from importlib.util import find_spec
from typing import Any

import cv2
import numpy as np
import torch
from torch import nn
from torch.nn import functional

from .labels import LABEL_SIZE

_MAGIC = 7767517  # the first line of ncnn's .param files
_IS_FLOAT32 = struct.pack("<I", 0)  # before the weights of a layer
_NO_ACTIVATION, _RELU, _SIGMOID = 0, 1, 4
_ADD, _MULTIPLY = 0, 2
_INPUT = "stem"


def has_ncnn() -> bool:
    """Whether ncnn is installed."""
    return find_spec("ncnn") is not None


class NcnnBiSeNet:
    """The main head of facexlib's BiSeNet on one image, in float32.

    Several threads may call it at once; ncnn uses no others, PyTorch as many as it is set to.

    Parameters
    ----------
    network : torch.nn.Module
        With its batch normalisations folded; see `inference.fold_batch_norm`.
    """

    def __init__(self, network: nn.Module) -> None:
        import ncnn

        self._mat = ncnn.Mat
        self._resnet: Any = network.get_submodule("cp.resnet")
        layers = _Layers()
        self._output = layers.bisenet(network)
        self._weights = b"".join(layers.weights)  # kept, for ncnn may not copy them
        self._net = ncnn.Net()
        options = self._net.opt
        options.num_threads = 1
        # What it would do on CPUs that can, and what changes labels.
        options.use_fp16_packed = options.use_fp16_storage = options.use_fp16_arithmetic = False
        options.use_bf16_storage = False
        self._net.load_param_mem(layers.text())
        self._net.load_model_mem(self._weights)

    def __call__(self, image: np.ndarray) -> np.ndarray:
        """Logits, float32 (19, 64, 64), of a normalised image, float32 (3, 512, 512)."""
        stem = self._stem(torch.from_numpy(image))
        extractor = self._net.create_extractor()
        extractor.input(_INPUT, self._mat(stem))  # which ncnn reads where it is
        _, logits = extractor.extract(self._output)
        return np.array(logits)

    @torch.inference_mode()
    def _stem(self, image: torch.Tensor) -> np.ndarray:
        """What comes before the residual blocks, (64, 128, 128)."""
        pooled = self._resnet.maxpool(self._resnet.conv1(image[None]))
        # Rectified after pooling, to the same effect, there is a quarter as much to do.
        pixels = functional.relu_(pooled)[0].permute(1, 2, 0)
        rows, columns, channels = pixels.shape
        # OpenCV's transposition takes a twelfth of the time of NumPy's.
        planes = cv2.transpose(pixels.reshape(-1, channels).numpy())
        return planes.reshape(channels, rows, columns)


class _Layers:
    """Lines of a ``.param`` file and the weights in their order, as a network is walked through.

    Each method adds layers and gives the name of what comes out of them. The numbers are those of
    ncnn's parameters (its wiki: "operators").
    """

    def __init__(self) -> None:
        self.lines = [f"Input input 0 1 {_INPUT}"]
        self.weights: list[bytes] = []
        self._blobs = 1

    def text(self) -> str:
        return "\n".join([f"{_MAGIC}", f"{len(self.lines)} {self._blobs}", *self.lines, ""])

    def bisenet(self, network: Any) -> str:  # noqa: ANN401  # a module's attributes are untyped
        context, resnet = network.cp, network.cp.resnet
        x = self._blocks(self._blocks(_INPUT, resnet.layer1), resnet.layer2)
        eighth, x = self._split(x, 2)
        sixteenth, x = self._split(self._blocks(x, resnet.layer3), 2)
        least, pooled = self._split(self._blocks(x, resnet.layer4), 2)
        average = self.convolution(self._mean(pooled, 512), context.conv_avg.conv, _RELU)
        x = self._sum(self._attended(least, context.arm32), self._enlarged(average, 32))
        x = self.convolution(self._enlarged(x, 16), context.conv_head32.conv, _RELU)
        x = self._sum(self._attended(sixteenth, context.arm16), x)
        x = self.convolution(self._enlarged(x, 8), context.conv_head16.conv, _RELU)
        x = self._add("Concat", [eighth, x], "0=0")
        return self._head(self._fused(x, network.ffm), network.conv_out)

    def convolution(self, x: str, layer: nn.Conv2d, activation: int = _NO_ACTIVATION) -> str:
        weight = layer.weight.detach().cpu().contiguous().numpy()
        self.weights += [_IS_FLOAT32, weight.tobytes()]
        if layer.bias is not None:
            self.weights.append(layer.bias.detach().cpu().numpy().tobytes())
        return self._add(
            "Convolution",
            [x],
            f"0={layer.out_channels} 1={layer.kernel_size[0]} 3={layer.stride[0]} "
            f"4={int(layer.padding[0])} 5={int(layer.bias is not None)} 6={weight.size} "
            f"9={activation}",
        )

    def _blocks(self, x: str, blocks: Any) -> str:  # noqa: ANN401
        for block in blocks:
            shortcut, residual = self._split(x, 2)
            residual = self.convolution(residual, block.conv1, _RELU)
            residual = self.convolution(residual, block.conv2)
            if block.downsample is not None:
                shortcut = self.convolution(shortcut, block.downsample[0])
            x = self._add("ReLU", [self._sum(shortcut, residual)], "")
        return x

    def _attended(self, x: str, module: Any) -> str:  # noqa: ANN401
        features, pooled = self._split(self.convolution(x, module.conv.conv, _RELU), 2)
        mean = self._mean(pooled, module.conv_atten.in_channels)
        return self._product(features, self.convolution(mean, module.conv_atten, _SIGMOID))

    def _fused(self, x: str, module: Any) -> str:  # noqa: ANN401
        features, pooled = self._split(self.convolution(x, module.convblk.conv, _RELU), 2)
        mean = self._mean(pooled, module.conv1.in_channels)
        attention = self.convolution(
            self.convolution(mean, module.conv1, _RELU), module.conv2, _SIGMOID
        )
        # f a + f, as f (a + 1): one pass over the features and not two.
        kept = self._add("BinaryOp", [attention], f"0={_ADD} 1=1 2=1.0")
        return self._product(features, kept)

    def _head(self, x: str, module: Any) -> str:  # noqa: ANN401
        return self.convolution(self.convolution(x, module.conv.conv, _RELU), module.conv_out)

    def _enlarged(self, x: str, stride: int) -> str:
        """By nearest neighbour, to the image's side over a stride."""
        return self._add("Interp", [x], f"0=1 3={LABEL_SIZE // stride} 4={LABEL_SIZE // stride}")

    def _mean(self, x: str, channels: int) -> str:
        """Over the whole plane, 1x1."""
        mean = self._add("Pooling", [x], "0=1 4=1")
        return self._add("Reshape", [mean], f"0=1 1=1 2={channels}")

    def _sum(self, first: str, second: str) -> str:
        return self._add("BinaryOp", [first, second], f"0={_ADD}")

    def _product(self, first: str, second: str) -> str:
        return self._add("BinaryOp", [first, second], f"0={_MULTIPLY}")

    def _split(self, x: str, count: int) -> list[str]:
        """The same for several readers; ncnn wants one for each."""
        copies = [f"{x}_{number}" for number in range(count)]
        self.lines.append(f"Split split_{x} 1 {count} {x} {' '.join(copies)}")
        self._blobs += count
        return copies

    def _add(self, kind: str, inputs: list[str], parameters: str) -> str:
        """A layer with one output, which is called as the layer is."""
        name = f"{kind.lower()}{len(self.lines)}"
        self.lines.append(f"{kind} {name} {len(inputs)} 1 {' '.join(inputs)} {name} {parameters}")
        self._blobs += 1
        return name
