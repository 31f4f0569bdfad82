"""Drawn faces with known label maps, a data set of them, and the real data where it is."""

import os
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image
from skimage import data

from .hosts import Host
from .race_stand_in import write_stand_in

# For PyTorch, which is imported later, and for processes that tests begin.
os.environ.setdefault("OMP_NUM_THREADS", "1")

REAL_DATA = Path(__file__).parents[2] / "shared" / "data"

SKIN_COLOUR = (205, 160, 135)
BACKGROUND_COLOUR = (70, 90, 110)


def pytest_runtest_setup(item):
    """Skip what needs a GPU where there is none."""
    if item.get_closest_marker("gpu"):
        import torch

        if not torch.cuda.is_available():
            pytest.skip("this machine has no CUDA device")


def drawn_face(side: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """A face where FFHQ's alignment would put it: RGB (side, side, 3), and its label map.

    A skin-coloured ellipse with a nose, dark eyes, a red mouth, two forehead lines, and noise.
    """
    at = side / 512
    image = np.full((side, side, 3), BACKGROUND_COLOUR, np.uint8)
    labels = np.zeros((512, 512), np.uint8)

    def ellipse(centre, half_axes, colour, label):
        scaled = [tuple(round(at * length) for length in pair) for pair in (centre, half_axes)]
        cv2.ellipse(image, *scaled, 0, 0, 360, colour, cv2.FILLED)
        cv2.ellipse(labels, centre, half_axes, 0, 0, 360, label, cv2.FILLED)

    ellipse((256, 290), (150, 195), SKIN_COLOUR, 1)
    ellipse((256, 290), (30, 55), SKIN_COLOUR, 10)
    for column, label in ((190, 4), (322, 5)):
        ellipse((column, 238), (28, 12), (60, 40, 30), label)
    ellipse((256, 380), (55, 22), (170, 60, 60), 11)
    for row in (140, 160):
        start, end = (round(190 * at), round(row * at)), (round(320 * at), round(row * at))
        cv2.line(image, start, end, (150, 105, 85), max(1, round(2 * at)))
    noise = np.random.default_rng(seed).integers(-6, 7, image.shape)
    return np.clip(image + noise, 0, 255).astype(np.uint8), labels


def mask(art: str) -> np.ndarray:
    """A boolean mask from text: '#' is drawn, '.' is not, and '/' ends a row."""
    return np.array([[pixel == "#" for pixel in row.strip()] for row in art.split("/")])


def drawn_lines(shape: tuple[int, int], seed, *, lines: int = 4, width: int = 2) -> np.ndarray:
    """Some crooked lines as an annotator draws them: bool of that shape."""
    random = np.random.default_rng(seed)
    canvas = np.zeros(shape, np.uint8)
    for _ in range(lines):
        points = random.integers(0, min(shape), (3, 2)).astype(np.int32)
        cv2.polylines(canvas, [points], False, 1, width)
    return canvas.astype(bool)


@pytest.fixture
def annotate(tmp_path):
    """Write masks as 0/255 PNG: from {annotator: {id: mask}}, and give the annotators' folders."""

    def write(masks, under="annotators"):
        folders = []
        for name, of_images in masks.items():
            folder = tmp_path / under / name
            folder.mkdir(parents=True, exist_ok=True)
            for image_id, drawn in of_images.items():
                Image.fromarray(drawn * np.uint8(255)).save(folder / f"{image_id}.png")
            folders.append(folder)
        return folders

    return write


@pytest.fixture(scope="session")
def astronaut() -> np.ndarray:
    """Eileen Collins, NASA, public domain: RGB (512, 512, 3)."""
    return data.astronaut()


@pytest.fixture(scope="module")
def narrow_unet():
    """A quarter of the U-Net's channels, for what does not depend on how many it has."""
    with pytest.MonkeyPatch.context() as patch:
        narrow(patch)
        yield


def narrow(patch):
    """Give U-Nets a quarter of their channels while a patch lasts."""
    patch.setattr("ffhq_wrinkle.segmentation.networks.unet.UNet.width", 16)


@pytest.fixture
def narrow_transformers(monkeypatch):
    """A quarter of the transformers' features, and of those of the Swin-T that one begins with."""
    from torchvision import models
    from torchvision.models.swin_transformer import SwinTransformer

    from ffhq_wrinkle.segmentation.networks import catalogue
    from ffhq_wrinkle.segmentation.networks.swin_unetr import SwinUnetr

    for name, features in (("swin_unetr", 12), ("swin_unetr_96", 24)):
        monkeypatch.setitem(catalogue._FEATURE_SIZES, name, features)
    monkeypatch.setitem(SwinUnetr.__init__.__kwdefaults__, "feature_size", 12)

    def swin_t(weights):
        assert weights is None
        return SwinTransformer(
            patch_size=[4, 4], embed_dim=24, depths=[2, 2, 6, 2], num_heads=[3, 6, 12, 24],
            window_size=[7, 7], stochastic_depth_prob=0.2,
        )  # fmt: skip

    monkeypatch.setattr(models, "swin_t", swin_t)


WRINKLE_LEVEL = 40


def threshold_unet(channels: int = 4, level: int = WRINKLE_LEVEL):
    """A U-Net set by hand: wrinkle where its last input channel is above a level of 0..255."""
    import torch

    from ffhq_wrinkle.segmentation import create_model

    network = create_model("unet", channels, 2).eval()
    state = network.state_dict()
    for name, value in state.items():
        if value.is_floating_point() and not name.endswith("running_var"):
            value.zero_()
    for block, source in (("inc", channels - 1), ("up4.conv", 0)):  # up4 sees what was skipped
        for layer, taken in ((0, source), (3, 0)):
            state[f"{block}.double_conv.{layer}.weight"][0, taken, 1, 1] = 1
            state[f"{block}.double_conv.{layer + 1}.weight"][0] = 1
    state["inc.double_conv.1.bias"][0] = 1  # from -1..1 to 0..2, which no ReLU cuts
    state["outc.conv.weight"][1, 0] = 255 / 2
    state["outc.conv.bias"][1] = -level - 0.5
    with torch.no_grad():
        network.load_state_dict(state)
    return network


class Dataset:
    """Drawn faces in the released layout: `images` in shards, `labels` flat."""

    def __init__(self, root: Path, ids: list[int], side: int) -> None:
        self.root = root
        self.images = root / "images1024x1024"
        self.labels = root / "face_parsed_labels"
        self.labels.mkdir(parents=True)
        self.ids = [f"{number:05d}" for number in ids]
        for number, image_id in zip(ids, self.ids, strict=True):
            image, label_map = drawn_face(side, seed=number)
            path = self.image_path(image_id)
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(image).save(path)
            np.save(self.labels / f"{image_id}.npy", label_map.astype(np.int64))

    def image_path(self, image_id: str) -> Path:
        return self.images / f"{int(image_id) // 1000 * 1000:05d}" / f"{image_id}.png"


@pytest.fixture
def dataset(tmp_path):
    """Six drawn faces of 128x128 in two shards."""
    return Dataset(tmp_path / "data", [0, 1, 2, 999, 1000, 1001], side=128)


@pytest.fixture
def make_dataset(tmp_path):
    """Make a data set of other ids or size."""
    return lambda ids, side=128: Dataset(tmp_path / "made", list(ids), side)


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Portraits and wrinkle masks of real people, which are no part of the project."""
    if not REAL_DATA.is_dir():
        pytest.skip(f"real faces are not in {REAL_DATA}")
    return REAL_DATA


@pytest.fixture(scope="module")
def s3():
    """Amazon's client of an S3 server on loopback."""
    for library in ("s3fs", "boto3", "moto.server"):
        pytest.importorskip(library)
    from .buckets import s3_server

    with s3_server() as client:
        yield client


@pytest.fixture
def bucket(s3):
    """A new bucket."""
    from .buckets import Bucket

    return Bucket(s3)


@pytest.fixture
def impatient(monkeypatch):
    """Take a lock whose holder has not been heard of for half a second."""
    from ffhq_wrinkle.storage import locks

    monkeypatch.setattr(locks, "BEAT_S", 0.1)
    monkeypatch.setattr(locks, "DEAD_S", 0.5)
    monkeypatch.setattr(locks, "_LOOK_S", 0.05)


@pytest.fixture
def home(tmp_path, monkeypatch):
    """Where DeepFace looks for its weights."""
    pytest.importorskip("deepface", reason="DeepFace, the extra `demographics`, is not installed")
    pytest.importorskip("onnx")
    folder = tmp_path / "deepface home"
    monkeypatch.setenv("DEEPFACE_HOME", str(folder))
    return folder


@pytest.fixture
def stand_in(home):
    """A model in the place of DeepFace's; its path."""
    return write_stand_in(home)


class Site(ThreadingHTTPServer):
    """A web server on loopback: `pages` maps a path to its content, `requests` counts."""

    def __init__(self) -> None:
        self.pages: dict[str, bytes] = {}
        self.requests: list[str] = []

        class Handler(BaseHTTPRequestHandler):
            def do_GET(handler):
                self.requests.append(handler.path)
                content = self.pages.get(handler.path)
                handler.send_response(404 if content is None else 200)
                handler.send_header("Content-Length", str(len(content or b"")))
                handler.end_headers()
                handler.wfile.write(content or b"")

            def do_HEAD(handler):
                handler.send_response(200 if handler.path in self.pages else 404)
                handler.end_headers()

            def log_message(handler, *_):
                pass

        super().__init__(("127.0.0.1", 0), Handler)

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.server_port}{path}"


def serving(server):
    """Have a server serve while it is given out."""
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()


@pytest.fixture
def site():
    """A web server for the duration of a test."""
    with Site() as server:
        yield from serving(server)


def files_of(folder: Path) -> dict[str, bytes]:
    """Content of all files below a folder but lock files, by relative path."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.suffix != ".lock"
    }


@pytest.fixture
def host():
    """A host that misbehaves on a schedule, for the duration of a test."""
    with Host() as server:
        yield from serving(server)
