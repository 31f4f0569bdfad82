"""DeepFace itself, with a stand-in for its weights: what it is shown, tables, interruptions."""

import json
import os
import re
import subprocess
import sys
import tomllib
import warnings

import numpy as np
import pytest
from filelock import FileLock
from PIL import Image

from ffhq_wrinkle.dataset.ids import parse_ids
from ffhq_wrinkle.dataset.layout import ImageFile
from ffhq_wrinkle.demographics.groups import RACES
from ffhq_wrinkle.demographics.race import LOCK, UNDER_WAY, WHOLE, RaceView, estimate_race, settle
from ffhq_wrinkle.demographics.race_model import RaceModel, weights_path
from ffhq_wrinkle.demographics.race_table import (
    COLUMNS,
    Provenance,
    RaceRow,
    RaceTable,
    race_labels,
    read_race_rows,
)
from ffhq_wrinkle.errors import ArgumentError, OutputError, RunInterrupted, SourceError
from ffhq_wrinkle.storage.writing import csv_bytes, sha256_of
from tests.helpers import ROOT
from tests.helpers.race_stand_in import PLACE, weights_at, write_stand_in
from tests.helpers.tables import rows_of

MODEL = Provenance("0.0.103", 64 * "a", "whole image")


@pytest.fixture
def photos(tmp_path):
    """Twelve images, 00000 to 00011: a red one, a white one, and others of random colours."""
    folder = tmp_path / "photos"
    folder.mkdir()
    random = np.random.default_rng(0)
    colours = [(200, 0, 0), (255, 255, 255), *random.integers(1, 256, (10, 3))]
    for number, colour in enumerate(colours):
        image = np.full((64, 64, 3), colour, np.uint8)
        Image.fromarray(image).save(folder / f"{number:05d}.png")
    return folder


def by_hand(colour):
    """Return the stand-in's answer to a mean colour, R, G, B in 0..1, in the order of `RACES`."""
    red, green, blue = colour
    answers = {"asian": blue, "indian": green, "black": red, "white": sum(colour) / 2}
    return np.array([answers.get(name, 0) for name in RACES]) / (1.5 * sum(colour))


def picture(rows, columns, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (rows, columns, 3)).astype(np.uint8)


def test_answers_are_those_of_the_colours_in_the_paper_s_order(stand_in):
    model = RaceModel()
    images = [np.full((30, 30, 3), colour, np.uint8) for colour in ((200, 0, 0), (0, 0, 9))]
    probabilities = model.probabilities([model.prepare(image) for image in images])
    np.testing.assert_allclose(probabilities, [by_hand((1, 0, 0)), by_hand((0, 0, 1))], atol=1e-6)
    assert (probabilities[0].argmax(), RACES[3]) == (3, "black")
    assert model.weights_sha256 == sha256_of(stand_in)
    assert model.provider == "CPUExecutionProvider"


# In a process of its own, since DeepFace as a whole changes the process.
ANALYZE = """
import json, sys
import numpy as np
from deepface import DeepFace
from ffhq_wrinkle.demographics.groups import RACES
for path in sys.argv[1:]:
    bgr = np.ascontiguousarray(np.load(path)[:, :, ::-1])
    (found,) = DeepFace.analyze(bgr, actions=["race"], detector_backend="skip", silent=True)
    shares = [float(found["race"][name]) / 100 for name in RACES]
    print(json.dumps([*shares, found["dominant_race"]]))
"""


def test_answers_are_those_of_deepface_s_own_analyze_on_images_of_any_shape(stand_in, tmp_path):
    images = [picture(64, 64), picture(224, 224, 1), picture(300, 211, 2), picture(31, 500, 3)]
    images.append(np.full((40, 40, 3), (9, 90, 200), np.uint8))
    for number, image in enumerate(images):
        np.save(tmp_path / f"{number}.npy", image)
    paths = [str(tmp_path / f"{number}.npy") for number in range(len(images))]
    environment = {**os.environ, "DEEPFACE_BACKEND_ENGINE": "onnx", "DEEPFACE_LOG_LEVEL": "50"}
    said = subprocess.run([sys.executable, "-c", ANALYZE, *paths], env=environment,
                          capture_output=True, text=True, check=True)  # fmt: skip
    expected = [json.loads(line) for line in said.stdout.splitlines()]
    model = RaceModel()
    probabilities = model.probabilities([model.prepare(image) for image in images])
    np.testing.assert_allclose(probabilities, [row[:6] for row in expected], atol=1e-5)
    assert [RACES[number] for number in probabilities.argmax(axis=1)] == [
        row[6] for row in expected
    ]


def test_a_graph_that_takes_one_image_at_a_time_gives_the_same(home):
    images = [picture(50, 50, seed) for seed in range(5)]
    answers = []
    for batch in ("images", 1):
        write_stand_in(home, batch=batch)
        model = RaceModel()
        assert model.one_by_one == (batch == 1)
        answers.append(model.probabilities([model.prepare(image) for image in images]))
    np.testing.assert_allclose(*answers, atol=1e-5)  # float32 sums in another order


def test_loading_deepface_leaves_the_process_as_it_was(stand_in, tmp_path):
    code = (
        "import warnings, sys; before = list(warnings.filters)\n"
        "from ffhq_wrinkle.demographics.race_model import RaceModel\n"
        "RaceModel()\n"
        "ignored = [one for one in warnings.filters if one[:3] == ('ignore', None, Warning)]\n"
        "print(len(ignored), sorted({'torch', 'tensorflow', 'retinaface'} & set(sys.modules)))"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True,
                          check=True, cwd=tmp_path)  # fmt: skip
    assert said.stdout == "0 []\n"


def test_without_weights_a_one_line_error_names_the_place_for_them(home, site):
    addresses = [site.url("/race_model_single_batch.onnx"), site.url("/backup.onnx")]
    with weights_at(*addresses), pytest.raises(SourceError) as raised:
        RaceModel()
    said = str(raised.value)
    assert said.startswith(
        "DeepFace's weights cannot be downloaded. Put race_model_single_batch.onnx"
    )
    assert str((home / PLACE).parent) in said
    assert "DEEPFACE_HOME" in said
    assert "\n" not in said
    assert not (home / PLACE).exists()


def test_weights_are_fetched_once_into_the_place_that_deepface_looks_in(home, site, tmp_path):
    content = write_stand_in(tmp_path / "elsewhere").read_bytes()
    site.pages["/race_model_single_batch.onnx"] = content
    with weights_at(site.url("/race_model_single_batch.onnx")), warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # gdown's and requests' connections
        RaceModel()
        RaceModel()
    assert weights_path() == home / PLACE
    assert weights_path().read_bytes() == content
    assert len(site.requests) == 1


@pytest.mark.parametrize("content", [b"", b"<html>quota</html>", None])
def test_damaged_weights_are_named(home, content):
    path = write_stand_in(home)
    path.write_bytes(path.read_bytes()[:200] if content is None else content)
    with pytest.raises(SourceError, match="is damaged or not an ONNX graph; delete it"):
        RaceModel()


def test_another_network_is_refused(home):
    write_stand_in(home, groups=2)
    with pytest.raises(
        SourceError,
        match=r"is not DeepFace's race model: its output has the shape \(2,\) instead of \(6,\)",
    ):
        RaceModel()


def test_without_deepface_a_one_line_error_explains_the_installation(monkeypatch):
    monkeypatch.setitem(sys.modules, "deepface", None)
    with pytest.raises(SourceError, match=r"pip install 'ffhq-wrinkle\[demographics\]'"):
        RaceModel()


def test_each_image_is_estimated_once_and_the_table_is_removed_unless_kept(
    stand_in, photos, tmp_path
):
    out = tmp_path / "out"
    table, report = estimate_race(photos, out, jobs=2, batch_size=5)
    assert (report.made, report.kept, report.failed) == (12, 0, 0)
    assert race_labels(table.rows()).frame["race"]["00000"] == "black"
    np.testing.assert_allclose(table.rows()[1].probabilities, by_hand((1, 1, 1)), atol=1e-6)
    settle(out, keep=False)
    assert [path.name for path in out.iterdir() if not path.name.endswith(".lock")] == []
    table, report = estimate_race(photos, out, keep=True)
    settle(out, keep=True)
    assert [path.name for path in out.glob("[!.]*")] == ["race.csv"]
    rows = rows_of(out / "race.csv")
    assert tuple(rows[0]) == COLUMNS
    assert [row["image_id"] for row in rows] == [f"{number:05d}" for number in range(12)]
    assert rows[0]["black"] == "0.666667"
    assert {(row["deepface"], row["weights_sha256"]) for row in rows} == {
        ("0.0.103", sha256_of(stand_in))
    }
    before = (out / "race.csv").read_bytes()
    _, report = estimate_race(photos, out)  # goes on from what was kept, and leaves it there
    assert (report.made, report.kept) == (0, 12)
    settle(out, keep=False)
    assert (out / "race.csv").read_bytes() == before
    assert not (out / UNDER_WAY).exists()


def test_an_interrupted_run_is_resumed_where_it_stopped(stand_in, photos, tmp_path):
    out = tmp_path / "out"

    def interrupted(photo, image_id):
        if image_id == "00008":
            raise KeyboardInterrupt
        return photo

    with pytest.raises(RunInterrupted):
        estimate_race(photos, out, view=RaceView(WHOLE.name, interrupted), batch_size=4)
    done = len(read_race_rows(out / UNDER_WAY))
    assert 4 <= done <= 8  # of the second batch those that had begun to be written
    table, report = estimate_race(photos, out, batch_size=4)
    assert (report.made, report.kept) == (12 - done, done)
    whole, _ = estimate_race(photos, tmp_path / "at once")
    for row, other in zip(table.rows(), whole.rows(), strict=True):
        assert row.cells() == other.cells()


def test_estimates_of_other_weights_or_of_other_framings_are_made_again(home, photos, tmp_path):
    out = tmp_path / "out"
    write_stand_in(home)
    estimate_race(photos, out, keep=True)
    settle(out, keep=True)
    (home / PLACE).unlink()
    write_stand_in(home, batch=1)
    _, report = estimate_race(photos, out)
    assert (report.made, report.kept) == (12, 0)
    with pytest.raises(OutputError, match="choose another folder, or move the table away"):
        estimate_race(photos, out, keep=True)
    dark = RaceView("dark", lambda photo, _: photo // 2)
    _, report = estimate_race(photos, out, view=dark)
    assert report.made == 12


def test_an_image_that_cannot_be_estimated_is_a_row_of_failures(stand_in, photos, tmp_path):
    out = tmp_path / "out"
    whole = (photos / "00003.png").read_bytes()
    (photos / "00003.png").write_bytes(whole[: len(whole) // 2])
    Image.fromarray(np.zeros((64, 64, 3), np.uint8)).save(photos / "00004.png")
    table, report = estimate_race(photos, out, sets={"all": parse_ids("0-11,77")})
    assert (report.made, report.failed) == (10, 3)
    rows = rows_of(out / "failures.csv")
    assert [(row["path"], row["step"]) for row in rows] == [
        ("00000/00077.png", "find"), ("00003.png", "read"), ("00004.png", "estimate"),
    ]  # fmt: skip
    assert "returns no probabilities" in rows[2]["reason"]
    assert {row.image_id for row in table.rows()} == {f"{n:05d}" for n in range(12)} - {
        "00003", "00004",
    }  # fmt: skip
    (photos / "00003.png").write_bytes(whole)
    _, report = estimate_race(photos, out, sets={"all": parse_ids("0-3,5-11")})
    assert (report.made, report.kept, report.failed) == (1, 10, 0)


def test_sets_of_too_few_faces_are_refused(stand_in, photos, tmp_path):
    few = {"many": parse_ids("0-11"), "few": parse_ids("0-8,100-110")}
    with pytest.raises(ArgumentError, match="the set few has 9 images, too few to describe"):
        estimate_race(photos, tmp_path / "out", sets=few)
    (photos / "00000.png").unlink()
    (photos / "00001.png").unlink()
    (photos / "00002.png").unlink()
    with pytest.raises(ArgumentError, match="the set all has 9 images"):
        estimate_race(photos, tmp_path / "out")
    _, report = estimate_race(photos, tmp_path / "out", keep=True)
    assert report.made == 9


def test_an_unknown_provider_is_named(stand_in, monkeypatch):
    monkeypatch.setenv("DEEPFACE_ONNX_PROVIDERS", "abacus")
    with pytest.raises(SourceError, match="DeepFace: DEEPFACE_ONNX_PROVIDERS must list some of"):
        RaceModel()


def test_two_runs_do_not_write_to_one_folder(stand_in, photos, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    with FileLock(out / LOCK), pytest.raises(OutputError, match="another run is writing"):
        estimate_race(photos, out)


def test_rows_are_saved_every_few_seconds(tmp_path, monkeypatch):
    now = [0.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    table = RaceTable(tmp_path / "t.csv", MODEL)
    saved = []
    for seconds in (1, 4.9, 5.1, 6, 10.2):
        now[0] = seconds
        table.add(ImageFile(f"{seconds}", "x.png"), np.eye(6)[0])
        saved.append(len(read_race_rows(table.path)) if table.path.exists() else 0)
    assert saved == [0, 0, 3, 3, 5]


def test_the_likeliest_is_the_label_and_the_first_of_equals():
    rows = [
        RaceRow("00001", (0.2, 0.5, 0.3, 0, 0, 0), MODEL),
        RaceRow("00002", (0.5, 0.5, 0, 0, 0, 0), MODEL),
        RaceRow("00003", (0.0, 0, 0, 0, 0.1, 0.9), MODEL._replace(view="aligned")),
    ]
    labels = race_labels(rows)
    assert dict(labels.frame["race"]) == {"00001": "asian", "00002": "white", "00003": "indian"}
    assert labels.sources == (
        "race: DeepFace 0.0.103, weights aaaaaaaaaaaa, aligned",
        "race: DeepFace 0.0.103, weights aaaaaaaaaaaa, whole image",
    )


GOOD = ["00001", "1", "0", "0", "0", "0", "0", *MODEL]


@pytest.mark.parametrize(
    ("header", "rows", "said"),
    [
        (COLUMNS[:-1], [], "is not a table of race"),
        (COLUMNS, [GOOD, GOOD], ":3: 00001 occurs twice"),
        (COLUMNS, [GOOD[:-1]], ":2 is not a row"),
        (COLUMNS, [[*GOOD, "more"]], ":2 is not a row"),
        (COLUMNS, [["00001", "x", *GOOD[2:]]], ":2 is not a row"),
        (COLUMNS, [["", *GOOD[1:]]], ":2 is not a row"),
        (COLUMNS, [["00001", "0.4", *GOOD[2:]]], ":2: the probabilities should add up to 1"),
        (COLUMNS, [["00001", "nan", *GOOD[2:]]], ":2: the probabilities should add up to 1"),
        (COLUMNS, [["00001", "2", "-1", *GOOD[3:]]], ":2 is not a row"),
    ],
)
def test_an_invalid_table_is_refused(tmp_path, header, rows, said):
    path = tmp_path / "race.csv"
    path.write_bytes(csv_bytes(header, rows))
    with pytest.raises(ArgumentError, match="race") as raised:
        read_race_rows(path)
    assert said in str(raised.value)


def test_an_empty_table_left_by_a_power_cut_has_no_rows(tmp_path):
    path = tmp_path / "t.csv"
    path.touch()
    assert RaceTable(path, MODEL, earlier=[path, tmp_path / "none.csv"]).rows() == []


@pytest.mark.parametrize(
    "file",
    [
        "Makefile",
        "docs/install.md",
        "tools/check_lower_bounds.sh",
        "tools/check_demographics_extra.sh",
    ],
)
def test_deepface_is_installed_alone_in_the_version_of_the_extra(file):
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extra = project["optional-dependencies"]["demographics"]
    asked = [requirement for requirement in extra if requirement.startswith("deepface")]
    assert re.findall(r"deepface==\S+", (ROOT / file).read_text()) == asked


def test_photographs_with_the_same_number_are_refused(stand_in, photos, tmp_path):
    (photos / "7.png").write_bytes((photos / "00003.png").read_bytes())
    with pytest.raises(ArgumentError, match="the images 00007 and 7 have the same number 00007"):
        estimate_race(photos, tmp_path / "out")
