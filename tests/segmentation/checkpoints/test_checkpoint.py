"""Checkpoints, ours and the authors': read safely, recognised, transferred to other networks."""

import argparse
import hashlib
import io
import zipfile

import numpy as np
import pytest
import torch
from torch import nn

from ffhq_wrinkle.errors import ArgumentError, OutputError, SourceError
from ffhq_wrinkle.segmentation.checkpoints.checkpoint import load_checkpoint, save_checkpoint
from ffhq_wrinkle.segmentation.checkpoints.official import OFFICIAL, official_checkpoint
from ffhq_wrinkle.segmentation.checkpoints.pretrained import load_pretrained
from ffhq_wrinkle.segmentation.networks.catalogue import create_model
from ffhq_wrinkle.weak_labels.texture import TextureSettings
from tests.helpers.networks import FEATURES, small_model

MEMBER = OFFICIAL["official-unet"]


@pytest.fixture(scope="module")
def unet():
    torch.manual_seed(3)
    return create_model("unet", 4, 2, features=FEATURES)


def same(first, second):
    assert first.keys() == second.keys()
    for name in first:
        torch.testing.assert_close(first[name], second[name], rtol=0, atol=0)


def test_a_saved_checkpoint_is_loaded_with_its_texture_settings(unet, tmp_path):
    texture = TextureSettings(recipe="released", kernel_size=11, sigma=2.5)
    path = tmp_path / "best.pt"
    save_checkpoint(path, unet, "unet", texture=texture, side=512, more={"epoch": 3})
    loaded = load_checkpoint(path)
    same(loaded.model.state_dict(), unet.state_dict())
    assert (loaded.network, loaded.official) == ("unet", False)
    assert (loaded.texture, loaded.side) == (texture, 512)
    assert (loaded.model.in_channels, loaded.model.out_channels) == (4, 2)
    assert loaded.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert not loaded.model.training
    assert torch.load(path, weights_only=True)["epoch"] == 3


def authors_file(state, how):
    prefixed = {f"module.{name}": value for name, value in state.items()}
    return {
        "at the top": state,
        "under model": {"model": state, "epoch": 149},
        "parallel": {"model": prefixed},
        "compiled": {f"_orig_mod.{name}": value for name, value in state.items()},
        "with settings and scores": {
            "model": prefixed,
            "args": argparse.Namespace(lr=1e-4, name="stage2"),
            "best": np.float64(0.48),
        },
    }[how]


@pytest.mark.parametrize(
    "how",
    ["at the top", "under model", "parallel", "compiled", "with settings and scores"],
)
def test_the_authors_files_load_however_they_are_wrapped(how, unet, tmp_path):
    path = tmp_path / "w.pth"
    torch.save(authors_file(unet.state_dict(), how), path)
    loaded = load_checkpoint(path)
    same(loaded.model.state_dict(), unet.state_dict())
    assert (loaded.texture, loaded.side) == (None, None)


def test_swin_unetr_is_recognised_by_its_weights(tmp_path):
    swin = create_model("swin_unetr", 3, 1)
    torch.save(swin.state_dict(), tmp_path / "w.pth")
    loaded = load_checkpoint(tmp_path / "w.pth")
    assert (loaded.network, loaded.model.in_channels, loaded.model.out_channels) == (
        "swin_unetr", 3, 1,
    )  # fmt: skip


def test_a_mismatch_names_the_first_few_keys(unet, tmp_path):
    state = unet.state_dict()
    state["extra.weight"] = torch.zeros(1)
    for name in ("down1.maxpool_conv.1.double_conv.0.weight", "up4.conv.double_conv.4.bias"):
        del state[name]
    state["up1.conv.double_conv.1.bias"] = torch.zeros(7)
    torch.save(state, tmp_path / "w.pth")
    with pytest.raises(SourceError) as raised:
        load_checkpoint(tmp_path / "w.pth")
    message = str(raised.value)
    assert "is not unet with 4 -> 2 channels and 12 features" in message
    assert "lacks down1.maxpool_conv.1.double_conv.0.weight" in message
    assert "lacks up4.conv.double_conv.4.bias, has extra.weight and 1 more" in message


def test_values_that_are_not_finite_are_refused(unet, tmp_path):
    state = {name: value.clone() for name, value in unet.state_dict().items()}
    state["outc.conv.bias"][0] = float("nan")
    torch.save(state, tmp_path / "w.pth")
    with pytest.raises(SourceError, match=r"outc\.conv\.bias with values that are not finite"):
        load_checkpoint(tmp_path / "w.pth")


@pytest.mark.filterwarnings("ignore:Validating sparse")
@pytest.mark.parametrize(
    "odd", [torch.zeros(2).to_sparse(), torch.zeros(2, device="meta")], ids=["sparse", "meta"]
)
def test_sparse_and_meta_tensors_are_refused(odd, unet, tmp_path):
    torch.save({**unet.state_dict(), "outc.conv.bias": odd}, tmp_path / "w.pth")
    with pytest.raises(SourceError, match=r"outc\.conv\.bias as a tensor of another type"):
        load_checkpoint(tmp_path / "w.pth")


class Harmful:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (self.path, "w"))


@pytest.mark.parametrize("kind", ["code", "cut", "text", "empty", "tensor", "other network"])
def test_files_that_are_not_checkpoints_are_refused_in_one_line(kind, unet, tmp_path):
    path = tmp_path / "w.pth"
    whole = io.BytesIO()
    torch.save(unet.state_dict(), whole)
    contents = {"cut": whole.getvalue()[:-5000], "text": b"<html>quota</html>", "empty": b""}
    saved = {
        "code": {"model": unet.state_dict(), "more": Harmful(str(tmp_path / "harm"))},
        "tensor": torch.zeros(3),
        "other network": nn.Conv2d(3, 3, 3).state_dict(),
    }
    if kind in contents:
        path.write_bytes(contents[kind])
    else:
        torch.save(saved[kind], path)
    expected = {"tensor": "there are no named tensors", "other network": "weight, bias"}
    expected |= dict.fromkeys(("code", *contents), r"w\.pth is damaged, or not a weights file")
    with pytest.raises(SourceError, match=expected[kind]) as raised:
        load_checkpoint(path)
    assert "\n" not in str(raised.value)
    assert "weights_only" not in str(raised.value)
    assert not (tmp_path / "harm").exists()


def test_a_damaged_texture_record_is_refused(unet, tmp_path):
    content = {"model": unet.state_dict(), "texture": {"recipe": "mine"}}
    torch.save(content, tmp_path / "w.pt")
    with pytest.raises(SourceError, match="record of the texture map is damaged"):
        load_checkpoint(tmp_path / "w.pt")


def test_saving_into_a_missing_folder_is_an_error_that_names_it(unet, tmp_path):
    with pytest.raises(OutputError, match="No such file or directory"):
        save_checkpoint(
            tmp_path / "none" / "w.pt", unet, "unet", texture=TextureSettings(), side=512
        )


@pytest.fixture
def published(unet, tmp_path, monkeypatch, site):
    """A table of sources in which a checkpoint made here is the published one."""
    content = io.BytesIO()
    torch.save({"model": unet.state_dict()}, content)
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as opened:
        opened.writestr(f"checkpoints/{MEMBER}", content.getvalue())
    site.pages["/checkpoints.zip"] = archive.getvalue()
    sha256 = hashlib.sha256(content.getvalue()).hexdigest()
    table = tmp_path / "sources.toml"
    table.write_text(
        f'[checkpoints]\ntitle = "T"\nfile = "checkpoints.zip"\n'
        f'url = "{site.url("/checkpoints.zip")}"\n[checkpoints.members]\n"{MEMBER}" = "{sha256}"\n'
    )
    monkeypatch.setenv("FFHQ_WRINKLE_SOURCES", str(table))
    monkeypatch.setenv("FFHQ_WRINKLE_CACHE", str(tmp_path / "cache"))
    return content.getvalue()


def test_a_published_checkpoint_is_recognised_by_its_hash_under_any_name(published, tmp_path):
    (tmp_path / "renamed.pth").write_bytes(published)
    loaded = load_checkpoint(tmp_path / "renamed.pth")
    assert loaded.official
    assert (loaded.texture, loaded.side) == (TextureSettings(recipe="released"), 1024)


def test_a_different_file_with_a_published_name_is_refused(published, unet, tmp_path):
    path = tmp_path / "stage2_unet.pth"
    torch.save({"module": 1, **unet.state_dict()}, path)
    with pytest.raises(SourceError, match=r"has the name of a published .*rename it"):
        load_checkpoint(path)


def test_an_official_checkpoint_is_fetched_once_and_verified(published, site):
    path = official_checkpoint("official-unet")
    assert path.read_bytes() == published
    assert load_checkpoint(path).official
    assert official_checkpoint("official-unet") == path
    assert site.requests == ["/checkpoints.zip"]


def test_a_failed_download_names_the_place_for_the_checkpoint(published, site):
    archive = site.pages.pop("/checkpoints.zip")
    with pytest.raises(SourceError, match=r"Put stage2_unet.*or name the file with --checkpoint"):
        official_checkpoint("official-unet")
    site.pages["/checkpoints.zip"] = archive
    with pytest.raises(SourceError, match=r"Put stage2_swinunetr\.pth into .*checkpoints"):
        official_checkpoint("official-swin-unetr")  # the archive lacks it
    with pytest.raises(ArgumentError, match="'official'; choose one of official-unet"):
        official_checkpoint("official")


@pytest.mark.parametrize("name", ["unet", "swin_unetr", "striped_wrinet"])
def test_pretrained_weights_are_copied_and_channels_filled_by_the_rule(name):
    torch.manual_seed(1)
    pretrained, network = small_model(name, 3, 1).eval(), small_model(name, 4, 2).eval()
    transfer = load_pretrained(network, pretrained.state_dict())
    before, after = pretrained.state_dict(), network.state_dict()
    assert {*transfer.copied, *transfer.derived} == set(after)
    for tensor in transfer.copied:
        torch.testing.assert_close(after[tensor], before[tensor], rtol=0, atol=0)
    inputs = {f"{layer}.weight" for layer in network.input_layers}
    outputs = {f"{network.output_layer}.weight", f"{network.output_layer}.bias"}
    assert set(transfer.derived) == inputs | outputs
    for tensor in inputs:
        torch.testing.assert_close(after[tensor][:, :3], before[tensor], rtol=0, atol=0)
        assert not after[tensor][:, 3].any()
    # The texture map has no influence yet, and wrinkle against background is twice the prediction.
    x = torch.rand(1, 4, 128, 128) * 2 - 1
    with torch.inference_mode():
        logits, texture = network(x), pretrained(x[:, :3])
    torch.testing.assert_close(logits[:, 1:] - logits[:, :1], 2 * texture, rtol=1e-4, atol=1e-5)
    assert "tensors copied" in transfer.summary()
    assert "filled with 0 for 1 further input channel" in transfer.summary()


def test_pretrained_weights_of_equal_channels_are_copied_whole():
    first, second = (create_model("unet", 3, 2, features=FEATURES) for _ in range(2))
    assert not load_pretrained(second, first.state_dict()).derived
    same(first.state_dict(), second.state_dict())


@pytest.mark.parametrize("channels", [(5, 1), (3, 4), (3, 5)])
def test_pretrained_weights_that_no_rule_covers_change_nothing(channels):
    network = create_model("unet", 4, 2, features=FEATURES)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    with pytest.raises(SourceError, match="the pretrained checkpoint is not of this network"):
        load_pretrained(network, create_model("unet", *channels, features=FEATURES).state_dict())
    same(network.state_dict(), before)


def test_pretrained_weights_of_another_network_are_refused():
    with pytest.raises(SourceError, match="lacks decoder1"):
        load_pretrained(create_model("swin_unetr", 4, 2), create_model("unet", 3, 1).state_dict())
