import json
import pickle
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from facexlib.parsing.bisenet import BiSeNet, FeatureFusionModule
from numpy.testing import assert_allclose, assert_array_equal
from PIL import Image
from torchvision.transforms.functional import normalize, to_tensor

from ffhq_wrinkle.cli import main
from ffhq_wrinkle.dataset.sources import fetch, source
from ffhq_wrinkle.errors import ArgumentError, SourceError
from ffhq_wrinkle.faces.bisenet import BiSeNetParser, load_bisenet
from ffhq_wrinkle.faces.ncnn_network import NcnnBiSeNet
from ffhq_wrinkle.inference.devices import fold_batch_norm
from ffhq_wrinkle.storage.writing import sha256_of
from ffhq_wrinkle.weak_labels.gpu_texture import GpuWeakMasks
from ffhq_wrinkle.weak_labels.weak import build_weak
from ffhq_wrinkle.weak_labels.weak_work import ByProducts
from tests.helpers.faces import drawn_face
from tests.helpers.pictures import pixels


@pytest.fixture(scope="module")
def network():
    """facexlib's network with weights of no meaning, but with statistics worth folding."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = BiSeNet(num_class=19)
        for module in network.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.running_mean.normal_(0, 0.1)
                module.running_var.uniform_(0.5, 1.5)
                module.weight.data.uniform_(0.5, 1.5)
                module.bias.data.normal_(0, 0.1)
    return network.eval()


@pytest.fixture(scope="module")
def weights(network, tmp_path_factory):
    path = tmp_path_factory.mktemp("weights") / "79999_iter.pth"
    torch.save(network.state_dict(), path)
    return path


@pytest.fixture(scope="module", params=["torch", "ncnn"])
def parser(weights, request):
    if request.param == "ncnn":
        pytest.importorskip("ncnn")
    return BiSeNetParser(weights, device="cpu", engine=request.param)


def reference_labels(network, image):
    """zllrunning's test.py, with facexlib's network: one image at a time, nothing saved."""
    small = Image.fromarray(image).resize((512, 512), Image.Resampling.BILINEAR)
    x = normalize(to_tensor(small), (0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    with torch.no_grad():
        logits = network(x[None])[0]
    return logits[0].numpy().argmax(0)


def test_labels_are_those_of_the_reference_code(network, parser, astronaut):
    images = [astronaut, drawn_face(1024)[0], drawn_face(300)[0][:, :250]]
    for image in images:
        expected = reference_labels(network, image)
        assert len(np.unique(expected)) >= 3
        label_map = parser([image], ["x"])[0]
        assert label_map.dtype == np.uint8
        assert (label_map != expected).mean() <= 1e-4


@pytest.mark.parametrize("channels_last", [False, True])
def test_ncnn_s_logits_are_those_of_facexlib_s_network(network, weights, channels_last):
    pytest.importorskip("ncnn")
    image = torch.randn(1, 3, 512, 512, generator=torch.Generator().manual_seed(0))
    image[..., :2, :] = image[..., -2:] = 3.0  # where padding tells
    logits = []
    hook = network.conv_out.register_forward_hook(lambda *given: logits.append(given[2][0][0]))
    with torch.no_grad(), hook:
        network(image)
    folded = load_bisenet(weights)
    fold_batch_norm(folded)
    layout = torch.channels_last if channels_last else torch.contiguous_format
    by_ncnn = NcnnBiSeNet(folded.to(memory_format=layout))(
        image.contiguous(memory_format=layout)[0].numpy()
    )
    expected = logits[0].numpy()
    assert by_ncnn.shape == expected.shape == (19, 64, 64)
    assert_allclose(by_ncnn, expected, rtol=0, atol=2e-5 * np.abs(expected).max())


def test_a_label_map_does_not_depend_on_its_batch(weights, astronaut):
    images = [astronaut, drawn_face(64)[0], astronaut[::-1].copy(), drawn_face(99)[0], astronaut]
    parser = BiSeNetParser(weights, device="cpu", batch_size=2, engine="torch")
    together = parser(images, ["x"] * 5)
    assert_array_equal(together[0], together[4])
    for image, label_map in zip(images, together, strict=True):
        assert_array_equal(parser([image], ["x"])[0], label_map)


def test_without_ncnn_labels_are_pytorch_s_and_the_log_reports_it(
    weights, astronaut, monkeypatch, caplog
):
    monkeypatch.setitem(sys.modules, "ncnn", None)  # as if it were not installed
    with caplog.at_level("INFO"):
        parser = BiSeNetParser(weights, device="cpu")
    assert "BiSeNet runs in PyTorch" in caplog.text
    assert "pip install 'ffhq-wrinkle[ncnn]'" in caplog.text
    expected = BiSeNetParser(weights, device="cpu", engine="torch")
    assert parser.settings() == expected.settings()
    assert_array_equal(parser([astronaut], ["x"])[0], expected([astronaut], ["x"])[0])
    with pytest.raises(ArgumentError, match="ncnn is not installed: pip install"):
        BiSeNetParser(weights, device="cpu", engine="ncnn")


def test_an_ncnn_with_different_results_is_not_used(weights, monkeypatch, caplog):
    pytest.importorskip("ncnn")
    right = NcnnBiSeNet.__call__
    # Half precision, say: off by a hundredth.
    monkeypatch.setattr(NcnnBiSeNet, "__call__", lambda self, image: 1.01 * right(self, image))
    with caplog.at_level("INFO"):
        assert "engine" not in BiSeNetParser(weights, device="cpu").settings()
    assert "does not give the same results as PyTorch" in caplog.text
    with pytest.raises(ArgumentError, match="does not give the same results as PyTorch"):
        BiSeNetParser(weights, device="cpu", engine="ncnn")


def test_a_folder_is_finished_by_the_engine_that_started_it(weights, tmp_path, astronaut):
    pytest.importorskip("ncnn")
    (tmp_path / "photos").mkdir()
    Image.fromarray(astronaut).save(tmp_path / "photos" / "a.png")

    def run(*options):
        given = ["--parser", "bisenet", "--weights", weights, "--device", "cpu", *options]
        names = ["build-weak", tmp_path / "photos", tmp_path / "out", *given]
        return CliRunner().invoke(main, [str(part) for part in names])

    assert "1 weak mask written" in run().output  # by ncnn, since it is installed
    settings = json.loads((tmp_path / "out" / "build.json").read_text())["settings"]
    assert settings["engine"] == "ncnn"
    assert "1 existed already" in run("--engine", "ncnn").output
    refused = run("--engine", "torch")
    assert refused.exit_code == 1
    assert "was made with different settings: engine ncnn there" in refused.output
    assert "1 weak mask written" in run("--engine", "torch", "--overwrite").output


def test_the_weights_are_named_by_their_hash(parser, weights):
    assert parser.weights_sha256 == sha256_of(weights)


def variants(state):
    yield "module. prefix", {f"module.{key}": value for key, value in state.items()}
    yield "under state_dict", {"state_dict": state, "epoch": 3}
    yield "under model", {"model": {f"module.{key}": value for key, value in state.items()}}
    yield (
        "no step counters",
        {key: value for key, value in state.items() if "num_batches_tracked" not in key},
    )


def test_weights_are_accepted_as_either_project_and_as_training_saves_them(network, tmp_path):
    for name, content in variants(dict(network.state_dict())):
        torch.save(content, tmp_path / "weights.pth")
        state = load_bisenet(tmp_path / "weights.pth").state_dict()
        for key, value in network.state_dict().items():
            assert torch.equal(state[key], value), (name, key)


def test_the_file_format_of_2019_loads(network, tmp_path):
    path = tmp_path / "79999_iter.pth"
    torch.save(network.state_dict(), path, _use_new_zipfile_serialization=False)
    key = "cp.resnet.layer1.0.conv1.weight"
    assert torch.equal(load_bisenet(path).state_dict()[key], network.state_dict()[key])


def test_weights_of_another_network_are_refused_by_their_names(network, tmp_path):
    state = dict(network.state_dict())
    path = tmp_path / "other.pth"
    state["extra.weight"] = state.pop("conv_out.conv.conv.weight")
    state["ffm.conv1.weight"] = torch.zeros(1, 2)
    torch.save(state, path)
    with pytest.raises(
        SourceError,
        match=r"lacks conv_out.conv.conv.weight, has extra.weight, "
        r"has ffm.conv1.weight of shape \(1, 2\) instead of \(64, 256, 1, 1\)",
    ):
        load_bisenet(path)
    torch.save({"a": 1}, path)
    with pytest.raises(SourceError, match=r"lacks .* and \d+ more"):
        load_bisenet(path)


class Harm:
    def __reduce__(self):
        return print, ("harm done",)


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), 1j])
def test_weights_that_are_not_finite_real_numbers_are_refused(network, tmp_path, bad):
    state = dict(network.state_dict())
    state["ffm.conv1.weight"] = torch.full((64, 256, 1, 1), bad)
    torch.save(state, tmp_path / "weights.pth")
    with pytest.raises(SourceError, match=r"ffm.conv1.weight with values that are not finite"):
        load_bisenet(tmp_path / "weights.pth")


@pytest.mark.filterwarnings("ignore:::torch")
def test_damaged_weights_are_refused_and_never_crash(tmp_path):
    path = tmp_path / "weights.pth"
    torch.save({"a": torch.zeros(3), "b": {"c": torch.ones(2)}}, path)
    whole = path.read_bytes()
    rng = np.random.default_rng(1)
    for _ in range(300):
        broken = bytearray(whole)
        for at in rng.integers(0, len(whole), 6):
            broken[at] = rng.integers(0, 256)
        path.write_bytes(broken)
        with pytest.raises(SourceError):
            load_bisenet(path)


def test_labels_depend_neither_on_the_number_of_threads_nor_of_jobs(parser, astronaut):
    before = torch.get_num_threads()
    with ThreadPoolExecutor(3) as pool:
        images = [astronaut, astronaut[:, ::-1].copy()] * 2
        together = list(pool.map(lambda image: parser([image], ["x"])[0], images))
    try:
        for threads in (1, 2):
            torch.set_num_threads(threads)
            for image, label_map in zip(images, together, strict=True):
                assert_array_equal(parser([image], ["x"])[0], label_map)
    finally:
        torch.set_num_threads(before)


def test_parsing_does_not_change_the_caller_s_number_of_threads(parser, astronaut):
    # Else networks run later in the process would be slow, and differ in the last bits.
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(lambda image: parser([image], ["x"]), [astronaut] * 4))
        parser([astronaut], ["x"])
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize("kind", ["pickle", "torch", "text", "empty", "truncated"])
def test_files_that_are_not_safe_weights_are_refused(kind, weights, tmp_path, capsys):
    path = tmp_path / "weights.pth"
    if kind == "pickle":
        path.write_bytes(pickle.dumps(Harm(), protocol=2))
    elif kind == "torch":
        torch.save({"weight": Harm()}, path)
    elif kind == "truncated":
        path.write_bytes(weights.read_bytes()[:1_000_000])
    else:
        path.write_text("<html>Quota exceeded</html>" if kind == "text" else "")
    with pytest.raises(SourceError, match="not a weights file that is safe to load") as error:
        load_bisenet(path)
    assert "\n" not in str(error.value)
    assert "weights_only" not in str(error.value)
    assert "harm done" not in capsys.readouterr().out


def test_missing_weights_are_named(tmp_path):
    with pytest.raises(SourceError, match="no such file"):
        load_bisenet(tmp_path / "weights.pth")


def test_an_error_for_lack_of_memory_gives_advice(weights, monkeypatch):
    parser = BiSeNetParser(weights, device="cpu", batch_size=8, engine="torch")

    def no_memory(*_):
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(FeatureFusionModule, "forward", no_memory)  # as on a GPU that is too small
    with pytest.raises(ArgumentError, match="try --batch-size 4"):
        parser([drawn_face(64)[0]], ["x"])


@pytest.mark.network
def test_the_published_weights_are_fetched_and_see_the_astronaut_s_face(astronaut):
    labels = BiSeNetParser(fetch(source("bisenet")), device="cpu")([astronaut], ["x"])[0]
    assert {1, 10, 17} <= set(np.unique(labels))  # skin, nose, hair
    assert labels[125, 225] in (1, 10)  # the nose


@pytest.mark.gpu
def test_labels_on_a_gpu_are_those_of_the_cpu(weights, parser, astronaut):
    images = [astronaut, drawn_face(1024)[0], astronaut[::-1].copy()]
    on_gpu = BiSeNetParser(weights, device="cuda", batch_size=2)(images, ["x"] * 3)
    for label_map, expected in zip(on_gpu, parser(images, ["x"] * 3), strict=True):
        assert (label_map != expected).mean() <= 1e-4


@pytest.mark.gpu
def test_weak_masks_made_on_a_gpu_are_those_of_its_label_maps(
    weights, astronaut, tmp_path, monkeypatch
):
    made_there = []
    call = GpuWeakMasks.__call__

    def counted(self, batch):
        made_there.append(batch.filled)
        return call(self, batch)

    monkeypatch.setattr(GpuWeakMasks, "__call__", counted)
    others = [astronaut, drawn_face(600)[0], drawn_face(512)[0]]
    for number, image in enumerate(others + [drawn_face(1024, seed)[0] for seed in range(7)]):
        path = tmp_path / "images" / f"{number:05d}.png"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(image).save(path)
    parser = BiSeNetParser(weights, device="cuda", batch_size=4)
    faces = ByProducts(face_masks=tmp_path / "faces")
    build_weak(path.parent, tmp_path / "there", parser=parser, by_products=faces, jobs=3)
    # Label maps are kept, so the rest is computed on the CPU.
    label_maps = ByProducts(labels=tmp_path / "labels", face_masks=tmp_path / "faces2")
    assert made_there == [4, 2]
    build_weak(path.parent, tmp_path / "here", parser=parser, by_products=label_maps, jobs=3)
    assert made_there == [4, 2]
    for one, other in (("there", "here"), ("faces", "faces2")):
        made, expected = (sorted((tmp_path / folder).rglob("*.png")) for folder in (one, other))
        assert [path.name for path in made] == [path.name for path in expected]
        assert len(made) == 10
        for path, other_path in zip(made, expected, strict=True):
            assert_array_equal(pixels(path), pixels(other_path))


@pytest.mark.parametrize("engine", ["torch", "ncnn"])
def test_another_process_uses_the_engine_chosen_in_this_one(engine, weights, monkeypatch):
    pytest.importorskip("ncnn")
    with monkeypatch.context() as elsewhere:
        if engine == "torch":
            elsewhere.setitem(sys.modules, "ncnn", None)  # as if it were not installed there
        sent = pickle.dumps(BiSeNetParser(weights, device="cpu"))
    assert pickle.loads(sent).settings().get("engine", "torch") == engine


def test_a_parser_is_made_again_of_the_same_weights_in_another_process(parser, weights, tmp_path):
    image = drawn_face(300)[0]
    again = pickle.loads(pickle.dumps(parser))
    assert_array_equal(again([image], ["1"])[0], parser([image], ["1"])[0])
    moved = weights.rename(tmp_path / "moved.pth")
    try:
        torch.save(BiSeNet(num_class=19).state_dict(), weights)
        with pytest.raises(SourceError, match="all workers need the same file"):
            pickle.loads(pickle.dumps(parser))
    finally:
        moved.replace(weights)
