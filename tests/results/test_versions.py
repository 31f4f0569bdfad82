"""Which versions of the package a record says that results were made by."""

import json
import time
from importlib.util import find_spec

import numpy as np
import pytest

from ffhq_wrinkle import __version__
from ffhq_wrinkle.human_labels.annotators import parse_annotators
from ffhq_wrinkle.human_labels.fused import fuse_folder
from ffhq_wrinkle.results import outputs
from ffhq_wrinkle.results.outputs import OutputFolder
from ffhq_wrinkle.segmentation.prediction.network_files import load_network
from ffhq_wrinkle.weak_labels.weak_work import ByProducts
from tests.helpers.faces import mask
from tests.helpers.files import files_of
from tests.helpers.predictions import predict
from tests.helpers.weak_masks import build

NEEDS_DASK = pytest.mark.skipif(not find_spec("distributed"), reason="needs the extra dask")
PIXELS = np.arange(12, dtype=np.uint8).reshape(3, 4)
OLD, OLDER = "0.0.9", "0.0.8"


@pytest.fixture
def as_version(monkeypatch):
    """Have results made as if by another version of the package."""

    def become(version):
        for module in ("results.outputs", "weak_labels.weak_work", "human_labels.fused"):
            monkeypatch.setattr(f"ffhq_wrinkle.{module}.__version__", version)
        monkeypatch.setattr(
            "ffhq_wrinkle.segmentation.prediction.prediction_folder.__version__", version
        )

    return become


def record(out, name="build.json"):
    content = json.loads((out / name).read_text())
    return content["version"], content.get("versions")


def run(path, *names, finish=True, note="a note", **options):
    """Write some results, those that are there already excepted."""
    with OutputFolder(path, {"sigma": 5}, note=note, **options) as out:
        todo = [name for name in names if out.state(name).value != "ours"]
        out.begin(makes=bool(todo))
        for name in todo:
            out.write(name, PIXELS)
        if finish:
            out.finish({"version": outputs.__version__}, made=bool(todo))


def versions(path):
    content = json.loads((path / "build.json").read_text())
    return content.get("versions", [content["version"]])


def test_results_of_one_version_are_recorded_as_before(tmp_path):
    run(tmp_path, "a.png")
    assert json.loads((tmp_path / "build.json").read_text()) == {
        "version": __version__,
        "counts": {"results": 1, "failed": 0},
        "settings": {"sigma": 5},
    }


def test_a_folder_that_a_later_version_continues_has_results_of_both(tmp_path, as_version):
    as_version(OLD)
    run(tmp_path, "a.png")
    as_version(__version__)
    run(tmp_path, "a.png", "b.png")
    assert versions(tmp_path) == [OLD, __version__]
    run(tmp_path, "a.png", "b.png", "c.png")
    assert versions(tmp_path) == [OLD, __version__]


def test_a_version_that_made_nothing_claims_nothing(tmp_path, as_version):
    as_version(OLD)
    run(tmp_path, "a.png")
    as_version(__version__)
    run(tmp_path, "a.png")
    assert versions(tmp_path) == [OLD]


def test_versions_are_known_after_interruptions(tmp_path, as_version):
    for version, name in ((OLDER, "a.png"), (OLD, "b.png")):
        as_version(version)
        run(tmp_path, name, finish=False)
    as_version(__version__)
    run(tmp_path, "a.png", "b.png", "c.png")
    assert versions(tmp_path) == [OLDER, OLD, __version__]


def test_a_run_that_a_version_left_without_saying_so_is_of_an_unknown_one(tmp_path):
    run(tmp_path, "a.png", finish=False)
    mark = {"settings": {"sigma": 5}}  # as earlier versions wrote it
    (tmp_path / ".build.json.under-way").write_text(json.dumps(mark))
    run(tmp_path, "a.png", "b.png")
    assert versions(tmp_path) == ["unknown", __version__]


def test_an_overwrite_of_all_leaves_results_of_its_own_version(tmp_path, as_version):
    as_version(OLD)
    run(tmp_path, "a.png", "b.png")
    as_version(__version__)
    time.sleep(0.02)
    run(tmp_path, "a.png", overwrite=True)
    assert versions(tmp_path) == [OLD, __version__]  # of the same settings
    time.sleep(0.02)
    run(tmp_path, "a.png", "b.png", overwrite=True)
    assert versions(tmp_path) == [__version__]


def test_an_overwrite_that_another_version_resumes_has_results_of_both(tmp_path, as_version):
    as_version(OLDER)
    run(tmp_path, "a.png", "b.png")
    as_version(OLD)
    time.sleep(0.02)
    run(tmp_path, "a.png", note="another", overwrite=True, finish=False)
    as_version(__version__)
    run(tmp_path, "a.png", "b.png", note="another")
    assert versions(tmp_path) == [OLD, __version__]
    assert not (tmp_path / ".build.json.under-way").exists()
    before = files_of(tmp_path)
    run(tmp_path, "a.png", "b.png", note="another")
    assert files_of(tmp_path) == before


def test_weak_masks_continued_by_a_later_version(dataset, tmp_path, as_version):
    out, faces = tmp_path / "out", tmp_path / "faces"
    as_version(OLD)
    build(dataset, out, limit=2)
    assert record(out) == (OLD, None)
    as_version(__version__)
    build(dataset, out, limit=2, by_products=ByProducts(face_masks=faces))
    assert record(out) == (OLD, None)  # only face masks were made
    assert record(faces) == (__version__, None)
    build(dataset, out)
    assert record(out) == (__version__, [OLD, __version__])
    assert build(dataset, out, overwrite=True).made == 6
    assert record(out) == (__version__, None)


@NEEDS_DASK
def test_weak_masks_continued_by_workers(dataset, tmp_path, as_version):
    out = tmp_path / "out"
    build(dataset, out, limit=2)
    content = json.loads((out / "build.json").read_text())
    (out / "build.json").write_text(json.dumps({**content, "version": OLD}))
    build(dataset, out, limit=2, scheduler="local:1")
    assert record(out) == (OLD, None)
    build(dataset, out, scheduler="local:1")
    assert record(out) == (__version__, [OLD, __version__])


def test_predictions_and_fused_masks_continued_by_a_later_version(
    dataset, tmp_path, checkpoint, annotate, as_version
):
    network = load_network(checkpoint, device="cpu")
    drawn = {"x": mask("##."), "y": mask(".##")}
    annotators = parse_annotators([str(path) for path in annotate({"a": drawn, "b": drawn})])
    predicted, fused = tmp_path / "predicted", tmp_path / "fused"
    as_version(OLD)
    predict(dataset, predicted, network, limit=1)
    fuse_folder(annotators, fused, limit=1)
    as_version(__version__)
    for limit, expected in ((1, (OLD, None)), (2, (__version__, [OLD, __version__]))):
        predict(dataset, predicted, network, limit=limit)
        fuse_folder(annotators, fused, limit=limit)
        assert record(predicted, "predict.json") == expected
        assert record(fused, "fusion.json") == expected
