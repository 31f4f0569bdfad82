"""Scores of each region of the faces, beside what scikit-learn says of the same pixels."""

import json

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from PIL import Image
from skimage import data
from sklearn.metrics import f1_score, jaccard_score

import ffhq_wrinkle as fw
from ffhq_wrinkle.cli import main
from ffhq_wrinkle.errors import ArgumentError, EvaluationError
from ffhq_wrinkle.faces.photo_regions import RegionFinder
from ffhq_wrinkle.faces.regions import REGIONS
from tests.helpers.faces import drawn_lines

SIDE = 512


@pytest.fixture(scope="module")
def photos():
    """Return the astronaut, as she is and moved to the side, and noise."""
    astronaut = data.astronaut()
    noise = np.random.default_rng(0).integers(0, 256, astronaut.shape).astype(np.uint8)
    return {"00001": astronaut, "00002": np.roll(astronaut, 60, axis=1), "00003": noise}


@pytest.fixture
def masks():
    """Return the reference and the prediction of each image, with many lines on the face."""
    pairs = {}
    for number, image_id in enumerate(("00001", "00002", "00003")):
        lines = [drawn_lines((200, 200), 2 * number + seed, lines=30) for seed in (0, 1)]
        whole = [np.zeros((SIDE, SIDE), bool) for _ in lines]
        for mask, part in zip(whole, lines, strict=True):
            mask[20:220, 130:330] = part
        pairs[image_id] = tuple(whole)
    return pairs


@pytest.fixture
def folders(tmp_path, photos, masks):
    """Write predictions, and a data set of images and masks; return both folders."""
    written = {
        "pred": {image_id: pair[1] for image_id, pair in masks.items()},
        "data/masks": {image_id: pair[0] for image_id, pair in masks.items()},
        "data/images": photos,
    }
    for folder, arrays in written.items():
        (tmp_path / folder).mkdir(parents=True)
        for image_id, array in arrays.items():
            pixels = array if array.dtype == np.uint8 else array * np.uint8(255)
            Image.fromarray(pixels).save(tmp_path / folder / f"{image_id}.png")
    return tmp_path / "pred", tmp_path / "data"


def evaluated(folders, **options):
    return fw.evaluate(*folders, by="region", resamples=20, exact_only=True, **options)


def figure(evaluation, region, measure, aggregate):
    (estimate,) = (
        estimate
        for estimate in evaluation.region_estimates[region]
        if estimate.column.measure == measure and estimate.aggregate == aggregate
    )
    return estimate


def test_a_region_has_the_scores_of_its_pixels(folders, photos, masks):
    evaluation = evaluated(folders)
    finder = RegionFinder()
    inside = {image_id: finder.find(photos[image_id]) for image_id in ("00001", "00002")}
    for name in ("cheek_left", "nose", "chin"):
        pixels = []
        for image_id, regions in inside.items():
            where = regions == REGIONS.index(name) + 1  # 512x512: a cell is a pixel
            pixels.append([mask[where] for mask in masks[image_id]])
        means = [jaccard_score(reference, predicted) for reference, predicted in pixels]
        pooled = [np.concatenate(parts) for parts in zip(*pixels, strict=True)]
        mean = figure(evaluation, name, "jsi", "mean over images")
        assert mean.value == pytest.approx(np.mean(means))
        assert mean.undefined == 1  # noise has no such region
        assert mean.low <= mean.value <= mean.high
        for measure, by_library in (("jsi", jaccard_score), ("f1", f1_score)):
            value = figure(evaluation, name, measure, "pooled").value
            assert value == pytest.approx(by_library(*pooled))


def test_every_pixel_is_in_one_row(folders, masks):
    evaluation = evaluated(folders)
    assert list(evaluation.region_estimates) == [*REGIONS, "elsewhere"]
    for image, (reference, predicted) in zip(evaluation.by_region, masks.values(), strict=True):
        assert sum(score.pixels for score in image.scores) == SIDE * SIDE
        assert sum(score.reference for score in image.scores) == reference.sum()
        assert sum(score.predicted for score in image.scores) == predicted.sum()


def test_an_image_without_a_face_is_elsewhere_and_named(folders):
    evaluation = evaluated(folders, ids="1,3")
    assert [image.has_regions for image in evaluation.by_region] == [True, False]
    assert evaluation.by_region[1].scores[-1].pixels == SIDE * SIDE
    assert "No face that can be trusted: one image (00003)" in evaluation.summary()


def test_pixels_outside_the_face_mask_are_in_no_row(folders, tmp_path):
    within = tmp_path / "within"
    within.mkdir()
    half = np.zeros((SIDE, SIDE), np.uint8)
    half[:, :222] = 255
    for image_id in ("00001", "00002", "00003"):
        Image.fromarray(half).save(within / f"{image_id}.png")
    evaluation = evaluated(folders, within=within, ids="1")
    (image,) = evaluation.by_region
    assert sum(score.pixels for score in image.scores) == SIDE * 222
    assert image.scores[REGIONS.index("cheek_right")].pixels == 0


def test_the_report_has_a_row_a_region_which_a_later_report_without_regions_removes(
    folders, tmp_path
):
    out = tmp_path / "report"
    evaluation = evaluated(folders, out=out)
    table = pd.read_csv(out / "regions.csv", index_col="region")
    assert list(table.index) == [*REGIONS, "elsewhere"]
    nose = figure(evaluation, "nose", "jsi", "pooled")
    row = table.loc["nose"]
    assert (row["jsi_pooled"], row["jsi_pooled_low"]) == pytest.approx((nose.value, nose.low))
    record = json.loads((out / "evaluation.json").read_text())
    assert list(record["regions"]) == [*REGIONS, "elsewhere"]
    assert "| forehead" in (out / "evaluation.md").read_text()
    fw.evaluate(*folders, out=out, overwrite=True, resamples=0, exact_only=True)
    assert not (out / "regions.csv").exists()
    assert "regions" not in json.loads((out / "evaluation.json").read_text())


def test_without_photographs_regions_are_refused(folders):
    predictions, references = folders
    with pytest.raises(ArgumentError, match="--images"):
        evaluated((predictions, references / "masks"))
    (references / "images" / "00002.png").unlink()
    with pytest.raises(EvaluationError, match=r"1 of 3 images has no photograph .* 00002"):
        evaluated(folders)


def test_a_photograph_of_other_proportions_is_refused(folders, photos):
    path = folders[1] / "images" / "00002.png"
    Image.fromarray(photos["00002"][:400]).save(path)
    with pytest.raises(EvaluationError, match=r"00002\.png is 512x400, but .* is 512x512"):
        evaluated(folders)


def test_the_command_prints_a_row_for_each_region(folders):
    arguments = ["evaluate", *map(str, folders), "--by", "region", "--resamples", "20"]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 0, result.output
    for name in (*REGIONS, "elsewhere"):
        assert f"\n{name} " in result.output
    refused = CliRunner().invoke(main, [*arguments, "--compare", str(folders[0])])
    assert refused.exit_code == 2
    assert "--by cannot be combined with --compare" in refused.output
