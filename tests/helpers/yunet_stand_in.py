"""A stand-in for YuNet: a network with its inputs and outputs that takes coloured dots for faces.

OpenCV runs it as it runs YuNet, whose weights are not in the repository. It is written as ONNX by
hand (protocol buffers, the field numbers of onnx.proto), since nothing else here needs ONNX.
"""

import numpy as np

# In cells of the stride, from the dot: as YuNet orders them, the person's right eye and left eye,
# nose, right and left corner of the mouth. The person's right is on the viewer's left.
POINTS = ((-1, -1), (2, -1), (0.5, 0.5), (-0.5, 2), (1.5, 2))
BOX_SIDE = 4
_TYPES = {np.dtype("float32"): 1, np.dtype("int64"): 7}


def marker_network(mouth_above=False) -> bytes:
    """A red pixel where a cell of 8 pixels begins is a face, a green one a face twice as large."""
    down = -1 if mouth_above else 1
    weights = {
        "cls": {8: [[0, -1, 1]], 16: [[0, 1, -1]], 32: [[0, 0, 0]]},  # of blue, green, red
        "bbox": [0.5, 0.5, np.log(BOX_SIDE), np.log(BOX_SIDE)],
        "kps": [value for x, y in POINTS for value in (x, y * down)],
    }
    graph = _field(2, "markers") + _field(11, _value("input", 1, 3, "rows", "columns"))
    for name in ("cls", "obj", "bbox", "kps"):
        for stride in (8, 16, 32):
            coloured = name in ("cls", "obj")
            bias = np.float32([0] if coloured else weights[name])
            kernel = np.zeros((len(bias), 3, 1, 1), np.float32)
            if coloured:
                kernel[0, :, 0, 0] = np.float32(weights["cls"][stride][0]) / 255
            output = f"{name}_{stride}"
            graph += _tensor(f"{output}_kernel", kernel) + _tensor(f"{output}_bias", bias)
            graph += _tensor(f"{output}_shape", np.array([1, -1, len(bias)]))
            convolved = ("input", f"{output}_kernel", f"{output}_bias")
            graph += _node(
                "Conv",
                convolved,
                f"{output}_rows_first",
                kernel_shape=[1, 1],
                strides=[stride, stride],
            )
            graph += _node(
                "Transpose", [f"{output}_rows_first"], f"{output}_last", perm=[0, 2, 3, 1]
            )
            graph += _node("Reshape", [f"{output}_last", f"{output}_shape"], output)
            graph += _field(12, _value(output, 1, "cells", len(bias)))
    return _field(1, 8) + _field(7, graph) + _field(8, _field(1, "") + _field(2, 13))


def _varint(number: int) -> bytes:
    low, rest = number % 128, number // 128
    return bytes([low | 128]) + _varint(rest) if rest else bytes([low])


def _field(number: int, content: int | str | bytes) -> bytes:
    """A field of a message: a number not below -1, or text, bytes or a message."""
    if isinstance(content, int):
        return _varint(number * 8) + _varint(content % 2**64)
    content = content.encode() if isinstance(content, str) else content
    return _varint(number * 8 + 2) + _varint(len(content)) + content


def _tensor(name: str, array: np.ndarray) -> bytes:
    dims = b"".join(_field(1, length) for length in array.shape)
    kind = _field(2, _TYPES[array.dtype])
    return _field(5, dims + kind + _field(8, name) + _field(9, array.tobytes()))


def _value(name: str, *dims: int | str) -> bytes:
    """A float32 tensor's name and shape, of which some lengths have but a name."""
    shape = b"".join(_field(1, _field(1 if isinstance(one, int) else 2, one)) for one in dims)
    return _field(1, name) + _field(2, _field(1, _field(1, 1) + _field(2, shape)))


def _node(kind: str, inputs, output: str, **attributes: list[int]) -> bytes:
    content = b"".join(_field(1, name) for name in inputs) + _field(2, output) + _field(4, kind)
    for name, values in attributes.items():
        numbers = b"".join(_field(8, value) for value in values)
        content += _field(5, _field(1, name) + numbers + _field(20, 7))
    return _field(1, content)
