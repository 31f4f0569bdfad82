"""Fixtures that tests of several packages take."""

import hashlib
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from skimage import data

from tests.helpers import REAL_DATA
from tests.helpers.downloads import REPOSITORY, REVISION, SIDE
from tests.helpers.faces import Dataset
from tests.helpers.hosts import Host
from tests.helpers.race_stand_in import write_stand_in
from tests.helpers.servers import Site, serving

# For PyTorch, which is imported later, and for processes that tests begin.
os.environ.setdefault("OMP_NUM_THREADS", "1")


def pytest_runtest_setup(item):
    """Skip what needs a GPU where there is none."""
    if item.get_closest_marker("gpu"):
        import torch

        if not torch.cuda.is_available():
            pytest.skip("this machine has no CUDA device")


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
def checkpoint(tmp_path_factory):
    """A small U-Net set by hand: wrinkle where its texture map is above a level."""
    # These import PyTorch, which must not happen before OMP_NUM_THREADS is set.
    from ffhq_wrinkle.segmentation.checkpoints.checkpoint import save_checkpoint
    from ffhq_wrinkle.weak_labels.texture import TextureSettings
    from tests.helpers.networks import threshold_unet

    path = tmp_path_factory.mktemp("checkpoint") / "threshold.pt"
    save_checkpoint(path, threshold_unet(), "unet", texture=TextureSettings(), side=128)
    return path


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
    """Portraits and wrinkle masks of real people, which are not in the repository."""
    if not REAL_DATA.is_dir():
        pytest.skip(f"real faces are not in {REAL_DATA}")
    return REAL_DATA


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


@pytest.fixture
def site():
    """A web server for the duration of a test."""
    with Site() as server:
        yield from serving(server)


@pytest.fixture
def publish(tmp_path, monkeypatch):
    """Have the table of sources name one file; what is fetched goes into a cache of this test."""
    monkeypatch.setenv("FFHQ_WRINKLE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("FFHQ_WRINKLE_SOURCES", str(tmp_path / "sources.toml"))

    def write(name, file, url, content=b""):
        sha256 = hashlib.sha256(content).hexdigest()
        entry = f'[{name}]\ntitle = "T"\nfile = "{file}"\nurl = "{url}"\nsha256 = "{sha256}"\n'
        (tmp_path / "sources.toml").write_text(entry)

    return write


@pytest.fixture
def host():
    """A host that misbehaves on a schedule, for the duration of a test."""
    with Host() as server:
        yield from serving(server)


@pytest.fixture
def sources(tmp_path, monkeypatch, host):
    """A table of sources that has this host's files; give its entries."""

    def write(**entries):
        images = f'huggingface = "{REPOSITORY}"\nrevision = "{REVISION}"\nside = {SIDE}\n'
        images += 'path = "Part{part}/{image_id}.png"\nbytes_each = 1000\n'
        text = f'[ffhq-images]\ntitle = "T"\n{images}'
        for name, (file, content, more) in entries.items():
            host.files[f"/{file}"] = content
            name = name.replace("_", "-")
            text += f'\n[{name}]\ntitle = "T"\nfile = "{file}"\nurl = "{host.url("/" + file)}"\n'
            text += more
        (tmp_path / "sources.toml").write_text(text)
        monkeypatch.setenv("FFHQ_WRINKLE_SOURCES", str(tmp_path / "sources.toml"))
        monkeypatch.setenv("HF_ENDPOINT", host.url())

    write()
    return write
