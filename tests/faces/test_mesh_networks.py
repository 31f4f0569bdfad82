import hashlib
import subprocess
import sys
from importlib import resources

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from ffhq_wrinkle.dataset.sources import source_entry
from ffhq_wrinkle.errors import SourceError
from ffhq_wrinkle.faces import mesh_networks
from ffhq_wrinkle.faces.mesh_networks import WEIGHTS, SamePadded, load_networks
from tests.helpers import ROOT

# LiteRT 2.3.0's outputs for parts of the astronaut's portrait: points of the mesh by their numbers,
# and the detector's best anchor.
MESH_IN_LITERT = {
    1: (96.2467422, 110.7283478, -23.4906673),
    33: (65.7081299, 80.1109238, 3.1231549),
    263: (130.6223755, 82.9209900, 3.8037734),
    61: (73.1949234, 120.3461761, 8.0688219),
    291: (118.8221283, 122.2010727, 8.2490864),
    152: (93.7373581, 160.4176483, 11.4205446),
}
PRESENCE_IN_LITERT = 28.25079
BEST_ANCHOR_IN_LITERT, LOGIT_IN_LITERT = 632, 3.3489041
BOX_IN_LITERT = (0.4958123, 2.2621746, 49.5920372, 49.5842323, -10.0522699, -9.1256724)


@pytest.fixture(scope="module")
def networks():
    return load_networks()


@pytest.fixture(scope="module")
def crops(astronaut):
    """The astronaut's face as the inputs of detector and mesh, (1, 3, H, W)."""
    small = astronaut[::2, ::2][20:148, 40:168] / np.float32(127.5) - 1
    face = astronaut[20:212, 128:320] / np.float32(255)
    return [torch.from_numpy(crop.transpose(2, 0, 1)[None].copy()) for crop in (small, face)]


@torch.inference_mode()
def test_the_mesh_gives_the_points_that_litert_gives(networks, crops):
    points, presence = networks[1](crops[1])
    assert points.shape == (1, 468, 3)
    for number, expected in MESH_IN_LITERT.items():
        assert_allclose(points[0, number], expected, atol=1e-3)
    assert presence[0] == pytest.approx(PRESENCE_IN_LITERT, abs=1e-3)


@torch.inference_mode()
def test_the_detector_gives_the_anchor_that_litert_gives(networks, crops):
    boxes, logits = networks[0](crops[0])
    assert (boxes.shape, logits.shape) == ((1, 896, 16), (1, 896))
    assert logits[0].argmax() == BEST_ANCHOR_IN_LITERT
    assert logits[0].max() == pytest.approx(LOGIT_IN_LITERT, abs=1e-3)
    assert_allclose(boxes[0, BEST_ANCHOR_IN_LITERT, :6], BOX_IN_LITERT, atol=1e-3)


@torch.inference_mode()
def test_an_output_does_not_depend_on_the_other_images_of_a_batch(networks, crops):
    for network, crop in zip(networks, crops, strict=False):
        batch = torch.cat([crop, torch.rand_like(crop), crop.flip(3)])
        for together, alone in zip(network(batch), network(crop), strict=True):
            assert_allclose(together[0], alone[0], rtol=1e-5, atol=2e-4)


@pytest.mark.gpu
@torch.inference_mode()
def test_outputs_on_a_gpu_are_those_of_the_cpu(crops):
    with torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
        for network, crop in zip(load_networks(), crops, strict=False):
            on_cpu = network(crop)
            on_gpu = network.cuda()(crop.cuda())
            for own, expected in zip(on_gpu, on_cpu, strict=True):
                assert_allclose(own.cpu(), expected, rtol=1e-4, atol=1e-3)


def test_padding_for_a_stride_of_2_is_below_and_to_the_right():
    layer = SamePadded(1, 1, 3, 2)
    torch.nn.init.ones_(layer.conv.weight)
    torch.nn.init.zeros_(layer.conv.bias)
    image = torch.arange(16.0).reshape(1, 1, 4, 4)
    # By hand: windows begin at rows and columns 0 and 2; those that begin at 2 reach the padding.
    first = sum((0, 1, 2, 4, 5, 6, 8, 9, 10))
    right, below, corner = 2 + 3 + 6 + 7 + 10 + 11, 8 + 9 + 10 + 12 + 13 + 14, 10 + 11 + 14 + 15
    assert layer(image).tolist() == [[[[first, right], [below, corner]]]]


def test_the_networks_have_mediapipe_s_numbers_of_parameters(networks):
    counts = [sum(weight.numel() for weight in network.parameters()) for network in networks[:2]]
    assert counts == [101_390, 604_685]


def test_the_weights_are_the_published_ones_in_half_precision():
    content = (resources.files("ffhq_wrinkle.faces") / WEIGHTS).read_bytes()
    sha256 = hashlib.sha256(content).hexdigest()
    assert sha256 == source_entry("mediapipe")["converted_sha256"] == load_networks()[2]
    with np.load(resources.files("ffhq_wrinkle.faces") / WEIGHTS) as arrays:
        assert {arrays[name].dtype for name in arrays.files} == {np.dtype(np.float16)}
        assert sorted(arrays.files) == arrays.files


@pytest.mark.parametrize("content", [b"", b"<html>", "truncated", "of another network"])
def test_damaged_weights_are_reported_in_one_line(tmp_path, monkeypatch, content):
    whole = (resources.files("ffhq_wrinkle.faces") / WEIGHTS).read_bytes()
    (tmp_path / "mediapipe").mkdir()
    path = tmp_path / WEIGHTS
    if content == "of another network":
        np.savez(path, **{"mesh.stem.0.conv.weight": np.zeros(3, np.float16)})
    else:
        path.write_bytes(whole[:-1000] if content == "truncated" else content)
    monkeypatch.setattr(mesh_networks.resources, "files", lambda package: tmp_path)
    with pytest.raises(SourceError, match=r"face_mesh\.npz") as error:
        load_networks()
    assert "\n" not in str(error.value)


def test_the_notice_names_owner_and_licence():
    notice = (resources.files("ffhq_wrinkle.faces") / "mediapipe" / "NOTICE").read_text()
    assert "MediaPipe Authors" in notice
    assert "Apache License, Version 2.0" in notice


@pytest.mark.network
def test_the_weights_are_made_again_from_the_wheel_and_agree_with_litert():
    command = [sys.executable, "tools/convert_face_mesh.py", "--check"]
    checked = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout + checked.stderr
