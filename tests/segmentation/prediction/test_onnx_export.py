"""Checkpoints as ONNX: the same numbers at any size, and `predict` with them."""

import json
import warnings

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from PIL import Image

from ffhq_wrinkle.cli import main
from ffhq_wrinkle.errors import ArgumentError, SourceError
from ffhq_wrinkle.segmentation.checkpoints.checkpoint import save_checkpoint
from ffhq_wrinkle.segmentation.networks.catalogue import create_model
from ffhq_wrinkle.segmentation.networks.window_attention import OpenLayer
from ffhq_wrinkle.segmentation.prediction.network_files import load_network
from ffhq_wrinkle.weak_labels.texture import TextureSettings
from tests.helpers.files import files_of
from tests.helpers.networks import FEATURES, filled, picture, threshold_unet

pytest.importorskip("onnxscript")
onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")

TEXTURE = TextureSettings(recipe="released", sigma=4.0)


def export(folder, network, name):
    save_checkpoint(folder / "w.pt", network, name, texture=TEXTURE, side=512)
    out = folder / f"{name}.onnx"
    command = ["export", str(out), "--checkpoint", str(folder / "w.pt")]
    result = CliRunner().invoke(main, command)
    assert result.exit_code == 0, result.output
    return out, result.output


@pytest.fixture(scope="module")
def unet(tmp_path_factory):
    network = threshold_unet()
    return network, *export(tmp_path_factory.mktemp("unet"), network, "unet")


def largest_difference(path, network, shapes):
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    for batch, height, width in shapes:
        x = torch.cat([picture(4, height, width, seed) for seed in range(batch)])
        with torch.inference_mode():
            expected = network(x).numpy()
        logits = session.run(None, {"image": x.numpy()})[0]
        assert logits.shape == expected.shape
        yield float(np.abs(logits - expected).max() / max(1, np.abs(expected).max()))


def test_the_unet_s_graph_computes_the_same_at_any_size_and_batch(unet):
    network, path, said = unet
    shapes = [(1, 96, 80), (2, 50, 33), (1, 129, 300), (3, 16, 16)]
    assert max(largest_difference(path, network, shapes)) < 1e-5
    assert "its logits differ from PyTorch's by" in said


def test_striped_wrinet_s_graph_computes_the_same_at_any_size_and_batch(tmp_path):
    network = filled(create_model("striped_wrinet", 4, 2))
    sizes = dict.fromkeys((0, 2, 3), torch.export.Dim.AUTO)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            network, (torch.zeros(2, 4, 70, 90),), input_names=["image"], dynamo=True,
            dynamic_shapes=(sizes,), verbose=False,
        )  # fmt: skip
    program.save(tmp_path / "striped.onnx")
    shapes = [(1, 96, 80), (2, 50, 33), (3, 16, 16)]
    assert max(largest_difference(tmp_path / "striped.onnx", network, shapes)) < 1e-5


@torch.inference_mode()
def test_swin_unetr_s_open_layers_compute_the_same_as_monai_s():
    network = filled(create_model("swin_unetr", 4, 2))
    layer = network.swinViT.layers2[0]
    opened = OpenLayer(layer)
    for tokens in [(16, 16), (16, 17), (31, 48), (40, 16)]:  # one window, and a shift along one
        x = torch.rand(2, 96, *tokens) - 0.5
        torch.testing.assert_close(opened(x), layer(x), atol=1e-5, rtol=1e-5)


def test_an_open_layer_is_exported_with_open_sizes(tmp_path):
    """One of Swin UNETR's four: all of them take a minute. `export` compares the whole network."""
    layer = filled(create_model("swin_unetr", 4, 2)).swinViT.layers1[0]
    example = (torch.zeros(2, 48, 35, 40),)
    sizes = dict.fromkeys((0, 2, 3), torch.export.Dim.AUTO)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            OpenLayer(layer).eval(), example, dynamo=True, dynamic_shapes=(sizes,), verbose=False
        )
    program.save(tmp_path / "layer.onnx")
    session = onnxruntime.InferenceSession(
        tmp_path / "layer.onnx", providers=["CPUExecutionProvider"]
    )
    for shape in ((1, 48, 16, 16), (1, 48, 17, 40), (3, 48, 64, 31)):
        x = torch.rand(shape) - 0.5
        logits = session.run(None, {session.get_inputs()[0].name: x.numpy()})[0]
        with torch.inference_mode():
            np.testing.assert_allclose(logits, layer(x).numpy(), atol=2e-5)


def test_images_that_a_graph_cannot_take_fail_one_by_one(unet, tmp_path):
    graph = onnx.load(unet[1])
    note = graph.metadata_props[0]
    note.value = json.dumps({**json.loads(note.value), "least_side": 449})  # as of Swin UNETR
    onnx.save(graph, tmp_path / "w.onnx")
    (tmp_path / "small").mkdir()
    Image.new("RGB", (448, 600)).save(tmp_path / "small" / "00001.png")
    command = ["predict", tmp_path / "small", tmp_path / "out", "--checkpoint", tmp_path / "w.onnx"]
    result = CliRunner().invoke(main, [str(part) for part in [*command, "--parser", "mesh"]])
    assert result.exit_code == 1
    assert "requires at least 449 pixels a side" in (tmp_path / "out" / "failures.csv").read_text()


def test_swin_unetr_s_layers_are_all_exchanged_for_open_ones():
    model = create_model("swin_unetr", 4, 2)
    least_side = model.open_sizes()
    layers = [getattr(model.swinViT, f"layers{level}")[0] for level in (1, 2, 3, 4)]
    assert all(isinstance(layer, OpenLayer) for layer in layers)
    assert (least_side, model.least_side) == (449, 512)
    assert create_model("unet", 4, 2).open_sizes() == 1


def test_the_graph_is_valid_onnx_with_open_sizes_and_a_note(unet):
    path = unet[1]
    model = onnx.load(path)
    onnx.checker.check_model(model)
    sizes = model.graph.input[0].type.tensor_type.shape.dim
    assert [size.HasField("dim_param") for size in sizes] == [True, False, True, True]
    note = json.loads({entry.key: entry.value for entry in model.metadata_props}["ffhq-wrinkle"])
    assert (note["network"], note["in_channels"], note["face_side"]) == ("unet", 4, 512)
    assert note["texture"]["recipe"] == "released"


def test_predict_takes_the_graph_as_a_checkpoint(unet, dataset, tmp_path):
    network, path, _ = unet
    save_checkpoint(tmp_path / "w.pt", network, "unet", texture=TEXTURE, side=512)
    outs = []
    for checkpoint in (tmp_path / "w.pt", path):
        out = tmp_path / f"with{checkpoint.suffix}"
        command = ["predict", dataset.images, out, "--checkpoint", checkpoint]
        options = ["--parser", "labels", "--recipe", "paper", "--device", "cpu", "--no-overlays"]
        result = CliRunner().invoke(main, [str(part) for part in [*command, *options]])
        assert result.exit_code == 0, result.output
        outs.append(files_of(out / "masks"))
    # The notes in the files name the checkpoint; the pixels are the same.
    first, second = (
        {name: content[content.index(b"IDAT") :] for name, content in of.items()} for of in outs
    )
    assert first == second
    assert len(first) == 6


def test_its_logits_are_the_checkpoint_s(unet, tmp_path):
    network, path, _ = unet
    save_checkpoint(tmp_path / "w.pt", network, "unet", texture=TEXTURE, side=512)
    seen = [np.random.default_rng(0).integers(0, 256, (60, 44, 4), np.uint8)]
    graph, torch_s = load_network(path), load_network(tmp_path / "w.pt", device="cpu")
    assert graph.texture_settings() == torch_s.texture_settings() == TEXTURE
    assert graph.side == torch_s.side == 512
    np.testing.assert_allclose(
        graph.logits(seen, flip=True)[0], torch_s.logits(seen, flip=True)[0], atol=1e-3
    )


def test_other_and_damaged_graphs_are_refused(unet, tmp_path):
    stranger = onnx.load(unet[1])
    del stranger.metadata_props[:]
    onnx.save(stranger, tmp_path / "stranger.onnx")
    with pytest.raises(SourceError, match="was not written by `ffhq-wrinkle export`"):
        load_network(tmp_path / "stranger.onnx")
    (tmp_path / "cut.onnx").write_bytes(unet[1].read_bytes()[:50_000])
    with pytest.raises(SourceError, match=r"cut\.onnx is damaged or not an ONNX graph"):
        load_network(tmp_path / "cut.onnx")
    for content in (b"", b"x" * 400):
        (tmp_path / "junk.onnx").write_bytes(content)
        with pytest.raises(SourceError, match=r"junk\.onnx is damaged or not an ONNX graph"):
            load_network(tmp_path / "junk.onnx")
    other = onnx.load(unet[1])
    note = other.metadata_props[0]
    note.value = json.dumps({**json.loads(note.value), "in_channels": 3})
    onnx.save(other, tmp_path / "other.onnx")
    with pytest.raises(SourceError, match="its note is missing or invalid"):
        load_network(tmp_path / "other.onnx")
    with pytest.raises(SourceError, match="No such file"):
        load_network(tmp_path / "none.onnx")
    with pytest.raises(ArgumentError, match="precision it was exported with"):
        load_network(unet[1], precision="bf16")
    for device, message in (("cuda", "cannot use CUDA"), ("mps", "not on mps"), ("tpu", "'tpu'")):
        with pytest.raises(ArgumentError, match=message):
            load_network(unet[1], device=device)


def test_a_checkpoint_that_cannot_be_exported_writes_nothing(tmp_path):
    model = create_model("unet", 3, 1, features=FEATURES)
    save_checkpoint(tmp_path / "w.pt", model, "unet", texture=TEXTURE, side=512)
    runner = CliRunner()
    out = str(tmp_path / "x.onnx")
    result = runner.invoke(main, ["export", out, "--checkpoint", str(tmp_path / "w.pt")])
    assert result.exit_code == 1
    assert "from stage 1" in result.output
    result = runner.invoke(main, ["export", out, "--checkpoint", str(tmp_path / "none.pt")])
    assert result.exit_code == 2
    assert "there is no checkpoint" in result.output
    result = runner.invoke(main, ["export", "x.pt", "--checkpoint", str(tmp_path / "w.pt")])
    assert "should end in .onnx" in result.output
    result = runner.invoke(main, ["export", f"{tmp_path}/no/x.onnx", "--checkpoint", __file__])
    assert "there is no folder" in result.output
    assert not (tmp_path / "x.onnx").exists()


def test_an_existing_file_is_replaced_only_on_request(unet, tmp_path):
    out = tmp_path / "unet.onnx"
    out.write_bytes(b"precious")
    checkpoint = unet[1].with_name("w.pt")
    command = ["export", str(out), "--checkpoint", str(checkpoint)]
    result = CliRunner().invoke(main, command)
    assert result.exit_code == 1
    assert f"{out} exists already; choose another file, or --overwrite" in result.output
    assert out.read_bytes() == b"precious"
    assert CliRunner().invoke(main, [*command, "--overwrite"]).exit_code == 0
    assert out.read_bytes() != b"precious"
