"""Results as pandas and in a notebook, beside the files that commands write."""

import io
import json

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal
from PIL import Image

import ffhq_wrinkle as fw
from tests.helpers.experiments import BAD, write_run
from tests.helpers.faces import drawn_lines
from tests.helpers.notebooks import shown
from tests.helpers.tables import rows_of, same_rows

SHAPE = (40, 50)


@pytest.fixture
def out(tmp_path):
    return tmp_path / "report"


@pytest.fixture
def folders(annotate):
    """Five images by three annotators, one of whom left the last empty."""
    masks = {
        name: {
            f"{image:05d}": drawn_lines(SHAPE, [image, 9], lines=8)
            ^ drawn_lines(SHAPE, [image, seed], lines=2)
            for image in range(5)
        }
        for seed, name in enumerate(("anna", "ben", "<Zoë>"))
    }
    masks["<Zoë>"]["00004"] = np.zeros(SHAPE, bool)
    return annotate(masks)


def with_interval(row, form=".4f"):
    """A figure as tables have it."""
    value, low, high = (float(row[name]) for name in ("value", "low", "high"))
    return f"{value:{form}} [{low:{form}}, {high:{form}}]"


def is_one_line(result):
    """Whether a terminal shows a result by its type and the first line that is printed."""
    first, *_ = result.summary().splitlines()
    return repr(result) == f"<{type(result).__name__}: {first}>"


def reduced(content):
    """A picture as a notebook shows it: at most 900 pixels a side."""
    with Image.open(io.BytesIO(content)) as image:
        scale = min(1, 900 / max(image.size))
        return round(image.width * scale), round(image.height * scale)


def test_agreement(folders, out):
    agreed = fw.agreement(folders, out=out, tolerances_px=[1], resamples=50)
    rows = rows_of(out / "agreement.csv")
    same_rows(agreed.to_frame(), rows)
    per_image = agreed.to_frame(per_image=True)
    stored = {row["image_id"]: row for row in rows_of(out / "per_image.csv")}
    assert set(per_image.index) == set(stored)
    for image_id, values in per_image.iterrows():
        cells = [stored[image_id][name] for name in per_image.columns]
        assert_array_equal(values, [float(cell or "nan") for cell in cells])
    page = shown(agreed)
    measures = ("jaccard", "pearson", "dice", "cohen_kappa")
    figures = [row for row in rows if row["measure"] in measures and not row["tolerance_px"]]
    assert len(figures) > 20
    for row in figures:
        # The tables have only means over images of these.
        if (row["kind"], row["aggregate"]) not in {("union", "pooled"), ("own pairs", "pooled")}:
            assert with_interval(row) in page.texts["td"]
    assert "anna & <Zoë>" in page.texts["td"]
    assert [picture.format for picture in page.opened] == ["PNG", "PNG"]
    for picture, name in zip(page.opened, ("pairs.png", "distribution.png"), strict=True):
        assert picture.size == reduced((out / name).read_bytes())
        assert max(picture.size) <= 900
    assert "annotators: anna, ben, <Zoë>" in page.texts["p"][1]
    assert is_one_line(agreed)


def test_evaluation(folders, out):
    scores = fw.evaluate(folders[2], folders[0], out=out, resamples=50)
    estimates = json.loads((out / "evaluation.json").read_text())["estimates"]
    pd.testing.assert_frame_equal(
        scores.to_frame(), pd.DataFrame(estimates), check_dtype=False, check_column_type=False
    )
    rows = rows_of(out / "per_image.csv")
    same_rows(scores.to_frame(per_image=True).reset_index(), rows)
    page = shown(scores)
    for row in estimates:
        assert with_interval(row) in page.texts["td"]
    # The worst images, which the report shows too.
    assert len(page.pictures) == 3
    for caption, picture, row in zip(page.texts["figcaption"], page.opened, rows, strict=False):
        assert caption.startswith(f"{row['image_id']}: true positives white")
        (stored,) = (out / "worst").glob(f"*{row['image_id']}*.png")
        assert picture.size == reduced(stored.read_bytes())
    assert is_one_line(scores)


def test_pictures_of_large_images_are_reduced(annotate):
    lines = [{"00001": drawn_lines((1000, 1600), seed, thickness=9)} for seed in range(2)]
    folders = annotate(dict(zip(("pred", "ref"), lines, strict=True)))
    (picture,) = shown(fw.evaluate(*folders, resamples=0, exact_only=True)).opened
    assert picture.size[0] == 900
    assert np.asarray(picture).max() > 200


def test_scores_of_arrays_have_no_pictures():
    masks = [drawn_lines(SHAPE, seed) for seed in range(2)]
    page = shown(fw.evaluate(masks, masks[::-1], resamples=0))
    assert page.pictures == []
    assert "JSI" in page.texts["td"]


def test_comparison(folders, out):
    compared = fw.compare_predictions(
        folders[2], folders[1], folders[0], out=out, resamples=50, exact_only=True
    )
    record = json.loads((out / "evaluation.json").read_text())["comparison"]
    frame = compared.to_frame()
    expected = pd.DataFrame(record["differences"])
    pd.testing.assert_frame_equal(frame, expected, check_dtype=False, check_column_type=False)
    page = shown(compared)
    assert page.texts["h4"] == ["Measures", "<Zoë> minus ben"]
    for row in record["differences"]:
        assert with_interval(row, "+.4f") in page.texts["td"]
    assert is_one_line(compared)


def test_composition(dataset, out):
    table = "image_number,age_group,gender\n0,20-29,male\n1,0-2,female\n2,70-120,male\n"
    (dataset.root / "ffhq_aging_labels.csv").write_text(table)
    described = fw.composition(dataset.root, sets={"a<b": "0-1", "all": "0-9"}, out=out)
    rows = rows_of(out / "demographics.csv")
    same_rows(described.to_frame(), rows)
    page = shown(described)
    assert page.texts["h4"] == ["Table 1", "How far the sets differ"]
    (row,) = (row for row in rows if (row["set"], row["group"]) == ("all", "male"))
    part, low, high = (100 * float(row[name]) for name in ("share", "low", "high"))
    assert f"2  {part:.1f} % [{low:.1f}, {high:.1f}]" in page.texts["td"]
    (picture,) = page.opened
    assert picture.size == reduced((out / "demographics.png").read_bytes())
    assert page.texts["figcaption"] == ["Shares of each group, with 95 % Wilson intervals"]
    assert page.texts["p"][0].startswith("a<b has 2 faces, most often age ")
    assert "a<b 2" in page.texts["p"][1]
    assert is_one_line(described)


def test_experiments(tmp_path, out):
    runs = [
        write_run(tmp_path / "a"), write_run(tmp_path / "b", seed=1, scores=BAD),
        write_run(tmp_path / "c", data="d1"), write_run(tmp_path / "d", finished=False),
    ]  # fmt: skip
    compared = fw.compare_runs(runs, out=out, resamples=50)
    rows = rows_of(out / "compare.csv")
    assert len(rows) == 3
    same_rows(compared.to_frame(), rows)
    page = shown(compared)
    jsi = {name: rows[0][key] for name, key in
           (("value", "jsi"), ("low", "jsi_low"), ("high", "jsi_high"))}  # fmt: skip
    assert with_interval(jsi) in page.texts["td"]
    assert str(runs[2]) in page.texts["td"]
    (picture,) = page.opened
    assert picture.size == reduced((out / "compare.png").read_bytes())
    assert is_one_line(compared)


def test_runs_that_cannot_be_compared_have_no_plot(tmp_path):
    run = write_run(tmp_path / "a", "unet_texture", only="finetune")
    compared = fw.compare_runs([run])
    assert shown(compared).pictures == []
    assert compared.to_frame().comparable.tolist() == ["no"]


def test_predictions(checkpoint, dataset, tmp_path):
    (dataset.labels / "00001.npy").unlink()
    report = fw.predict(
        dataset.root, tmp_path / "out", checkpoint=checkpoint, parser="labels", device="cpu"
    )
    assert report.to_frame().to_dict("records") == [
        {"images": 6, "made": 5, "kept": 0, "failed": 1}
    ]
    assert len(rows_of(tmp_path / "out" / "wrinkles.csv")) == 5
    page = shown(report)
    assert page.texts["figcaption"] == ["00000", "00002", "00999", "01000"]
    overlays = [tmp_path / "out" / "overlays" / f"{name}.jpg" for name in page.texts["figcaption"]]
    assert page.pictures == [path.read_bytes() for path in overlays]
    assert [picture.format for picture in page.opened] == ["JPEG"] * 4
    assert page.texts["td"] == ["6", "5", "0", "1"]
    assert is_one_line(report)


def test_weak_masks(dataset, tmp_path):
    for made, kept in ((6, 0), (0, 6)):
        report = fw.build_weak(dataset.root, tmp_path / "out", parser="labels")
        assert report.to_frame().to_dict("records") == [
            {"images": 6, "made": made, "kept": kept, "failed": 0}
        ]
    assert len(list((tmp_path / "out").rglob("*.png"))) == 6
    assert shown(report).texts["p"] == ["0 weak masks written, 6 existed already"]
    assert is_one_line(report)


def test_fused_masks(folders, tmp_path):
    (folders[1] / "00003.png").unlink()
    report = fw.fuse_labels(folders, tmp_path / "fused", missing="skip")
    assert report.to_frame().to_dict("records") == [
        {"images": 4, "made": 4, "renewed": 0, "kept": 0, "failed": 0, "skipped": 1}
    ]
    assert len(rows_of(tmp_path / "fused" / "fusion.csv")) == 4
    assert shown(report).texts["td"] == ["4", "4", "0", "0", "0", "1"]
    assert is_one_line(report)


def test_a_sample(dataset):
    drawn = fw.sample(dataset.root, 2, seed=1)
    assert shown(drawn).texts["td"] == drawn.ids
    assert is_one_line(drawn)
