"""ncnn network: BiSeNet written layer by layer for ncnn, whose Winograd kernels suit CPUs.

ncnn's own converter gives a network that needs the sizes of the tensors that it pools and upsamples
at run time, which ncnn cannot provide. Here they are fixed, for images of 512x512. The first
convolution, 7x7 on three channels, does not suit Winograd's algorithm; PyTorch computes it in a
third of the time.
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
_IS_FLOAT32 = struct.pack("<I", 0)  # precedes the weights of a layer
_NO_ACTIVATION, _RELU, _SIGMOID = 0, 1, 4
_ADD, _MULTIPLY = 0, 2
_INPUT = "stem"


def has_ncnn() -> bool:
    """Return whether ncnn is installed."""
    return find_spec("ncnn") is not None


class NcnnBiSeNet:
    """The main head of facexlib's BiSeNet for one image, in float32.

    Several threads may call it at once. ncnn computes in the calling thread only, PyTorch in as
    many threads as it is set to.

    Parameters
    ----------
    network : torch.nn.Module
        BiSeNet with folded batch normalisations; see `inference.devices.fold_batch_norm`.
    """

    def __init__(self, network: nn.Module) -> None:
        import ncnn

        self._mat = ncnn.Mat
        self._resnet: Any = network.get_submodule("cp.resnet")
        layers = _Layers()
        self._output = layers.bisenet(network)
        self._weights = b"".join(layers.weights)  # kept, since ncnn does not always copy them
        self._net = ncnn.Net()
        options = self._net.opt
        options.num_threads = 1
        # ncnn would use these on CPUs that support them, which changes labels.
        options.use_fp16_packed = options.use_fp16_storage = options.use_fp16_arithmetic = False
        options.use_bf16_storage = False
        self._net.load_param_mem(layers.text())
        self._net.load_model_mem(self._weights)

    def __call__(self, image: np.ndarray) -> np.ndarray:
        """Return the logits, float32 (19, 64, 64), of a normalised image, float32 (3, 512, 512)."""
        stem = self._stem(torch.from_numpy(image))
        extractor = self._net.create_extractor()
        extractor.input(_INPUT, self._mat(stem))  # not copied
        _, logits = extractor.extract(self._output)
        return np.array(logits)

    @torch.inference_mode()
    def _stem(self, image: torch.Tensor) -> np.ndarray:
        """Compute the layers before the residual blocks: (64, 128, 128)."""
        pooled = self._resnet.maxpool(self._resnet.conv1(image[None]))
        # ReLU after max pooling gives the same result with a quarter of the work.
        pixels = functional.relu_(pooled)[0].permute(1, 2, 0)
        rows, columns, channels = pixels.shape
        # OpenCV transposes in a twelfth of NumPy's time.
        planes = cv2.transpose(pixels.reshape(-1, channels).numpy())
        return planes.reshape(channels, rows, columns)


class _Layers:
    """The lines of a ``.param`` file, and the weights in the order of its layers.

    Each method adds layers and returns the name of their output. The numbers are those of ncnn's
    parameters ("operators" in its wiki).
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
        smallest, pooled = self._split(self._blocks(x, resnet.layer4), 2)
        average = self.convolution(self._mean(pooled, 512), context.conv_avg.conv, _RELU)
        x = self._sum(self._attended(smallest, context.arm32), self._upsampled(average, 32))
        x = self.convolution(self._upsampled(x, 16), context.conv_head32.conv, _RELU)
        x = self._sum(self._attended(sixteenth, context.arm16), x)
        x = self.convolution(self._upsampled(x, 8), context.conv_head16.conv, _RELU)
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
        # f a + f as f (a + 1): one pass over the features instead of two.
        kept = self._add("BinaryOp", [attention], f"0={_ADD} 1=1 2=1.0")
        return self._product(features, kept)

    def _head(self, x: str, module: Any) -> str:  # noqa: ANN401
        return self.convolution(self.convolution(x, module.conv.conv, _RELU), module.conv_out)

    def _upsampled(self, x: str, stride: int) -> str:
        """Add upsampling by nearest neighbour to the side of the image divided by a stride."""
        return self._add("Interp", [x], f"0=1 3={LABEL_SIZE // stride} 4={LABEL_SIZE // stride}")

    def _mean(self, x: str, channels: int) -> str:
        """Add the mean over the whole plane, of size 1x1."""
        mean = self._add("Pooling", [x], "0=1 4=1")
        return self._add("Reshape", [mean], f"0=1 1=1 2={channels}")

    def _sum(self, first: str, second: str) -> str:
        return self._add("BinaryOp", [first, second], f"0={_ADD}")

    def _product(self, first: str, second: str) -> str:
        return self._add("BinaryOp", [first, second], f"0={_MULTIPLY}")

    def _split(self, x: str, count: int) -> list[str]:
        """Add copies of a blob, since ncnn requires one for each layer that reads it."""
        copies = [f"{x}_{number}" for number in range(count)]
        self.lines.append(f"Split split_{x} 1 {count} {x} {' '.join(copies)}")
        self._blobs += count
        return copies

    def _add(self, layer_type: str, inputs: list[str], parameters: str) -> str:
        """Add a layer with one output, which has the name of the layer."""
        name = f"{layer_type.lower()}{len(self.lines)}"
        blobs = f"{len(inputs)} 1 {' '.join(inputs)} {name}"
        self.lines.append(f"{layer_type} {name} {blobs} {parameters}")
        self._blobs += 1
        return name
