"""ImageNet's weights in our encoders: against torchvision's own networks, and by hand."""

import hashlib
import re

import cv2
import numpy as np
import pytest
import torch
from monai.networks.nets.swin_unetr import SwinTransformer
from numpy.testing import assert_allclose
from torchvision import models
from torchvision.transforms.functional import normalize

from ffhq_wrinkle.dataset.sources import source
from ffhq_wrinkle.errors import ArgumentError, SourceError
from ffhq_wrinkle.segmentation.checkpoints import imagenet
from ffhq_wrinkle.segmentation.checkpoints.encoders import (
    CLASSIFIERS,
    encoder_weights,
    resized_table,
)
from ffhq_wrinkle.segmentation.checkpoints.imagenet import (
    imagenet_stand_in,
    load_imagenet,
    transfer_imagenet,
)
from ffhq_wrinkle.segmentation.networks.catalogue import NETWORKS, create_model
from tests.helpers.networks import EACH, NEEDS_SMP, filled, picture

WITH_WEIGHTS = [one for one in EACH if NETWORKS[one.values[0]].classifier]
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def for_torchvision(x):
    """Normalise an image of -1..1 as torchvision's networks take it."""
    return normalize((x + 1) / 2, MEAN, STD)


def assert_close_features(features, expected, tolerance=1e-4):
    """Compare features relative to their standard deviation."""
    assert features.shape == expected.shape
    assert expected.std() > 0.01
    assert (features - expected).abs().max() < tolerance * expected.std()


@pytest.fixture(scope="module")
def resnet50():
    return filled(models.resnet50(weights=None))


@pytest.fixture(scope="module")
def swin_t():
    return filled(models.swin_t(weights=None))


@pytest.fixture(scope="module")
def network():
    """The network into which tests load weights, one after another."""
    return create_model("swin_unetr_96", 4, 2).eval()


@NEEDS_SMP
@torch.inference_mode()
def test_the_resnet_s_features_are_torchvision_s(resnet50):
    network = create_model("unet_resnet50", 4, 2).eval()
    transfer_imagenet(network, "unet_resnet50", resnet50.state_dict())
    x = picture(4, 96, 128)  # the texture map has no influence
    features = network.encoder(x)
    # Ours continues images by 0, which is mid-grey; torchvision's by 0 after normalisation.
    reference = filled(models.resnet50(weights=None))
    reference.conv1.padding = (0, 0)
    continued = torch.nn.functional.pad(x[:, :3], (3, 3, 3, 3))
    expected = reference.relu(reference.bn1(reference.conv1(for_torchvision(continued))))
    assert_close_features(features[1], expected)
    as_published = resnet50.relu(resnet50.bn1(resnet50.conv1(for_torchvision(x[:, :3]))))
    inside = (..., slice(2, -1), slice(2, -1))  # further in than the seven pixels reach out
    assert_close_features(features[1][inside], as_published[inside])
    expected = reference.maxpool(expected)
    for level in range(1, 5):
        expected = getattr(reference, f"layer{level}")(expected)
        assert_close_features(features[level + 1], expected)


@NEEDS_SMP
def test_the_resnet_s_shift_does_not_matter_in_training(resnet50):
    network = create_model("unet_resnet50", 3, 2)
    transfer_imagenet(network, "unet_resnet50", resnet50.state_dict())
    reference = models.resnet50(weights=None)
    reference.load_state_dict(resnet50.state_dict())
    x = torch.nn.functional.pad(picture(3, 64, 64), (8, 8, 8, 8))
    with torch.no_grad():
        features = network.train().encoder(x)[1]
        inner = reference.train().conv1
        inner.padding = (0, 0)
        continued = torch.nn.functional.pad(x, (3, 3, 3, 3))
        expected = reference.relu(reference.bn1(inner(for_torchvision(continued))))
    assert_close_features(features, expected)


def monai_swin_t():
    """MONAI's transformer of Swin-T's depths and windows: all of it can be transfer over."""
    encoder = SwinTransformer(
        in_chans=3, embed_dim=96, window_size=(7, 7), patch_size=(4, 4), depths=(2, 2, 6, 2),
        num_heads=(3, 6, 12, 24), patch_norm=True, spatial_dims=2,
    )  # fmt: skip
    encoder.layers4[0].downsample = None
    return encoder.eval()


@torch.inference_mode()
def test_with_swin_t_s_depths_and_windows_the_features_are_torchvision_s(swin_t):
    encoder = monai_swin_t()
    own = {f"swinViT.{name}": value for name, value in encoder.state_dict().items()}
    transfer, fitting = encoder_weights(CLASSIFIERS["swin_t"], own, swin_t.state_dict())
    state = {name.removeprefix("swinViT."): value for name, value in fitting.items()}
    # With torchvision's patch embedding, whose normalisation ours has no place for.
    for ours, theirs in (("proj", "0"), ("norm", "2")):
        for part in ("weight", "bias"):
            value = swin_t.state_dict()[f"features.0.{theirs}.{part}"]
            state[f"patch_embed.{ours}.{part}"] = value
    missing, unexpected = encoder.load_state_dict(state, strict=False)
    assert not unexpected
    assert all(name.endswith("relative_position_index") for name in missing)
    assert {re.sub(r"\d", "", name) for name in transfer.unused} == {
        "features...attn.relative_position_index",
        "norm.weight", "norm.bias", "head.weight", "head.bias",
    }  # fmt: skip
    x = for_torchvision(picture(3, 224, 224))
    features = encoder(x, normalize=False)
    for level, depth in enumerate((1, 3, 5, 7, 8)):
        assert_close_features(features[level], swin_t.features[:depth](x).permute(0, 3, 1, 2))


@torch.inference_mode()
def test_the_patch_embedding_is_torchvision_s_except_for_the_patches_own_deviation(network, swin_t):
    transfer_imagenet(network, "swin_unetr_96", swin_t.state_dict())
    x = picture(4, 128, 128)
    convolution, _, norm = swin_t.features[0]
    raw = convolution(for_torchvision(x[:, :3]))
    expected = norm(raw.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
    spread = (raw.var(dim=1, correction=0, keepdim=True) + norm.eps).sqrt()
    assert spread.std() > 0.01
    moved = norm.bias.view(1, -1, 1, 1)
    assert_close_features((network.swinViT.patch_embed(x) - moved) / spread + moved, expected)


def test_swin_unetr_takes_two_blocks_of_each_stage_and_resizes_their_tables(network, swin_t):
    before = {name: value.clone() for name, value in network.state_dict().items()}
    published = swin_t.state_dict()
    transfer = transfer_imagenet(network, "swin_unetr_96", published)
    after = network.state_dict()
    # Per block two norms, two layers of attention and two of the perceptron, weights and biases.
    assert len(transfer.copied) == 4 * 2 * 12 + 3 * 3
    tables = [name for name in transfer.derived if name.endswith("relative_position_bias_table")]
    assert len(tables) == 4 * 2
    assert set(transfer.derived) - set(tables) == {
        "swinViT.patch_embed.proj.weight",
        "swinViT.patch_embed.proj.bias",
    }
    for ours, theirs in [
        ("layers3.0.blocks.0.attn.qkv.weight", "features.5.0.attn.qkv.weight"),
        ("layers3.0.blocks.1.mlp.linear2.bias", "features.5.1.mlp.3.bias"),
        ("layers4.0.blocks.1.norm1.weight", "features.7.1.norm1.weight"),
        ("layers1.0.downsample.reduction.weight", "features.2.reduction.weight"),
    ]:
        torch.testing.assert_close(after[f"swinViT.{ours}"], published[theirs], rtol=0, atol=0)
    table = published["features.7.1.attn.relative_position_bias_table"].reshape(13, 13, 24)
    expected = cv2.resize(table.numpy(), (31, 31), interpolation=cv2.INTER_CUBIC)
    resized = after["swinViT.layers4.0.blocks.1.attn.relative_position_bias_table"]
    assert_allclose(resized.reshape(31, 31, 24).numpy(), expected, atol=1e-5)
    assert any(name.startswith("decoder5.") for name in transfer.unchanged)
    assert "swinViT.layers4.0.downsample.reduction.weight" in transfer.unchanged
    for name in transfer.unchanged:
        torch.testing.assert_close(after[name], before[name], rtol=0, atol=0)
    assert {"features.0.2.weight", "features.6.norm.bias"}.isdisjoint(transfer.unused)
    assert {"features.5.2.attn.qkv.weight", "norm.weight", "head.bias"} <= set(transfer.unused)


@pytest.mark.parametrize("name", WITH_WEIGHTS)
def test_every_tensor_is_accounted_for_once(name, network):
    if name != "swin_unetr_96":
        network = create_model(name, 4, 2)
    state = imagenet_stand_in(name, 0)
    transfer = transfer_imagenet(network, name, state)
    kinds = [*transfer.copied, *transfer.derived, *transfer.unchanged]
    assert sorted(kinds) == sorted(network.state_dict())
    assert set(transfer.unused) < set(state)
    summary = transfer.summary()
    assert "\n" not in summary
    assert f"{len(transfer.copied)} tensors copied; " in summary
    assert f"{len(transfer.unchanged)} tensors (" in summary
    first = network.state_dict()[f"{network.input_layers[0]}.weight"]
    assert not first[:, 3].any()
    assert first[:, :3].any()


@NEEDS_SMP
def test_the_whole_encoder_of_the_resnet_is_transferred(resnet50):
    network = create_model("unet_resnet50", 3, 2)
    state = {
        name: value
        for name, value in resnet50.state_dict().items()
        if not name.endswith("num_batches_tracked")  # which older files lack
    }
    transfer = transfer_imagenet(network, "unet_resnet50", state)
    assert set(transfer.derived) == {"encoder.conv1.weight", "encoder.bn1.running_mean"}
    assert set(transfer.unused) == {"fc.weight", "fc.bias"}
    of_encoder = [name for name in transfer.unchanged if name.startswith("encoder.")]
    assert all(name.endswith("num_batches_tracked") for name in of_encoder)


@pytest.mark.parametrize(("before", "after"), [(13, 31), (5, 3)])
def test_tables_are_resized_as_opencv_resizes_images(before, after):
    table = np.random.default_rng(0).normal(size=(before, before, 3)).astype(np.float32)
    resized = resized_table(torch.from_numpy(table.reshape(-1, 3)), after)
    expected = cv2.resize(table, (after, after), interpolation=cv2.INTER_CUBIC)
    assert_allclose(resized.reshape(after, after, 3).numpy(), expected, atol=1e-5)
    # Rows stay rows, and no offset stays no offset.
    ramp = torch.arange(before).float()[:, None].expand(before, before).reshape(-1, 1)
    resized = resized_table(ramp, after).reshape(after, after)
    assert (resized.diff(dim=0) > 0).all()
    assert resized[after // 2].numpy() == pytest.approx(before // 2, abs=1e-5)


def test_stand_ins_are_random_but_the_same_for_a_seed():
    torch.manual_seed(5)
    state = torch.get_rng_state()
    first, same, other = (imagenet_stand_in("unet_resnet50", seed) for seed in (1, 1, 2))
    assert torch.equal(torch.get_rng_state(), state)
    name = "layer3.1.conv2.weight"
    assert torch.equal(first[name], same[name])
    assert not torch.equal(first[name], other[name])


def test_weights_that_do_not_fit_are_refused_and_change_nothing(
    network, swin_t, resnet50, monkeypatch
):
    before = {name: value.clone() for name, value in network.state_dict().items()}
    wrong = dict(swin_t.state_dict())
    del wrong["features.5.3.norm1.bias"]
    for state, message in (
        (resnet50.state_dict(), "lacks features"),
        (wrong, r"it lacks features\.5\.3\.norm1\.bias"),
    ):
        with pytest.raises(SourceError, match=message):
            transfer_imagenet(network, "swin_unetr_96", state)
    with pytest.raises(ArgumentError, match="no ImageNet weights for unet, only for unet_resnet50"):
        load_imagenet(create_model("unet", 3, 2), "unet")
    with pytest.raises(ArgumentError, match="are for unet_resnet50; the model is another network"):
        load_imagenet(network, "unet_resnet50")
    for name, value in network.state_dict().items():
        assert torch.equal(value, before[name])
    monkeypatch.setattr(network, "in_channels", 1)
    with pytest.raises(ArgumentError, match="the network has 1 channels"):
        load_imagenet(network, "swin_unetr_96")


def test_every_classifier_of_the_networks_is_in_the_table():
    assert {spec.classifier for spec in NETWORKS.values()} == {"", *CLASSIFIERS}


def test_the_published_weights_are_for_the_network_s_own_features():
    narrow = create_model("swin_unetr_96", 3, 2, features=24)
    with pytest.raises(ArgumentError, match="with 96 features; the network has 24"):
        load_imagenet(narrow, "swin_unetr_96")
    stand_in = imagenet_stand_in("swin_unetr_96", 0, features=24)
    assert len(transfer_imagenet(narrow, "swin_unetr_96", stand_in).copied) == 105
    with pytest.raises(SourceError, match=r"of shape \(96,\) instead of \(24,\)"):
        transfer_imagenet(narrow, "swin_unetr_96", imagenet_stand_in("swin_unetr_96", 0))


def test_the_published_files_are_torchvision_s_and_their_names_have_their_hashes():
    published = {
        "resnet50": models.ResNet50_Weights.IMAGENET1K_V1,
        "swin_t": models.Swin_T_Weights.IMAGENET1K_V1,
    }
    assert published.keys() == CLASSIFIERS.keys()
    for classifier, weights in published.items():
        entry = source(CLASSIFIERS[classifier].source)
        assert entry.url == weights.url
        assert entry.url.endswith(f"/{entry.file}")
        assert re.search(r"-([0-9a-f]{8})\.pth$", entry.file)[1] == entry.sha256[:8]


class Harm:
    def __reduce__(self):
        return print, ("harm done",)


@pytest.fixture
def table(tmp_path, monkeypatch, site):
    """Publish a file as Swin-T's weights on loopback."""
    monkeypatch.setenv("FFHQ_WRINKLE_CACHE", str(tmp_path / "cache"))

    def write(content, sha256=None):
        site.pages["/swin_t.pth"] = content
        sha256 = sha256 or hashlib.sha256(content).hexdigest()
        text = f'title = "T"\nfile = "swin_t.pth"\nurl = "{site.url("/swin_t.pth")}"'
        (tmp_path / "sources.toml").write_text(f'[imagenet-swin-t]\n{text}\nsha256 = "{sha256}"\n')
        monkeypatch.setenv("FFHQ_WRINKLE_SOURCES", str(tmp_path / "sources.toml"))

    return write


def test_published_weights_are_fetched_once_verified_and_loaded(
    network, table, site, tmp_path, monkeypatch
):
    state = imagenet_stand_in("swin_unetr_96", 3)
    torch.save(state, tmp_path / "mine.pth")
    table((tmp_path / "mine.pth").read_bytes())
    assert len(load_imagenet(network, "swin_unetr_96").copied) == 105
    loaded = network.state_dict()["swinViT.layers2.0.blocks.1.attn.proj.weight"]
    assert torch.equal(loaded, state["features.3.1.attn.proj.weight"])
    # The file alone: loading it again would take seconds.
    monkeypatch.setattr(imagenet, "transfer_imagenet", lambda *_, origin: origin)
    cached = tmp_path / "cache" / "swin_t.pth"
    for given, taken in ((None, cached), (tmp_path / "mine.pth", tmp_path / "mine.pth")):
        assert load_imagenet(network, "swin_unetr_96", given) == taken
    assert site.requests == ["/swin_t.pth"]


def test_files_that_are_not_the_published_ones_are_refused(network, table, tmp_path):
    table(b"<html>Quota exceeded</html>", sha256="704ceda3" * 8)
    with pytest.raises(
        SourceError, match=r"sent something other than.*name the file with --initial-weights"
    ):
        load_imagenet(network, "swin_unetr_96")
    (tmp_path / "mine.pth").write_bytes(b"weights")
    with pytest.raises(SourceError, match=r"mine\.pth is damaged or not swin_t\.pth: its SHA-256"):
        load_imagenet(network, "swin_unetr_96", tmp_path / "mine.pth")
    with pytest.raises(SourceError, match="no such file"):
        load_imagenet(network, "swin_unetr_96", tmp_path / "gone.pth")


def test_no_code_in_a_file_is_run(network, table, tmp_path, capsys):
    torch.save({"features.0.0.weight": Harm()}, tmp_path / "mine.pth")
    table((tmp_path / "mine.pth").read_bytes())
    with pytest.raises(SourceError, match="not a weights file that is safe to load"):
        load_imagenet(network, "swin_unetr_96", tmp_path / "mine.pth")
    assert "harm done" not in capsys.readouterr().out


@pytest.mark.network
@pytest.mark.parametrize("name", WITH_WEIGHTS)
def test_the_published_weights_fit(name):
    assert load_imagenet(create_model(name, 3, 2), name).copied
