"""The command `demographics`, as a user runs it."""

import csv
import json
import re

import numpy as np
import pytest
from PIL import Image

from ffhq_wrinkle.demographics.label_tables import read_features
from ffhq_wrinkle.faces.landmarks import COLUMNS
from tests.helpers.commands import run
from tests.helpers.race_stand_in import weights_at
from tests.helpers.tables import rows_of

AGING = "image_number,age_group,gender\n0,20-29,male\n1,0-2,female\n2,70-120,male\n999,3-6,female\n"
FEATURES = "image_number,age,gender\n0,25,male\n1,,\n2,71,female\n"


@pytest.fixture
def labelled(dataset):
    """The drawn faces, with FFHQ-Aging's table of four of the six where `download` puts it."""
    (dataset.root / "ffhq_aging_labels.csv").write_text(AGING)
    return dataset.root


@pytest.fixture
def photos(tmp_path):
    """Seven red and five blue images, as people name theirs."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for number in range(12):
        colour = (200, 10, 10) if number < 7 else (10, 10, 200)
        Image.fromarray(np.full((64, 64, 3), colour, np.uint8)).save(folder / f"face {number}.png")
    return folder


def counts(text):
    """Group and faces of each row of the table, of the first set."""
    rows = re.findall(r"^(?:Age|Sex|Race/ethnicity)? +(\S+(?: \S+)?)  +([\d,]+)\b", text, re.M)
    return {group: int(faces.replace(",", "")) for group, faces in rows}


def test_the_photographs_of_a_data_set_are_described_by_the_table_in_it(labelled):
    result = run("demographics", labelled)
    assert result.exit_code == 0, result.output
    headline, heading, *_ = result.output.split("\n\n")
    assert headline.startswith("all has 6 faces, most often age 0-9 (50 %)")
    assert heading.startswith("Faces: all 6. Labels of age and sex: FFHQ-Aging")
    groups = counts(result.output)
    assert (groups["0-9"], groups["20-29"], groups["70+"], groups["10-19"]) == (2, 1, 1, 0)
    assert (groups["male"], groups["female"], groups["no label"]) == (2, 2, 2)
    assert "2  50.0 % [15.0, 85.0]" in result.output  # Wilson's of 2 of 4
    assert "all: 2 of 6 ids are not in any table." in result.output


def test_groups_may_be_ffhq_aging_s_own(labelled):
    groups = counts(run("demographics", labelled, "--age-groups", "ffhq-aging").output)
    assert (groups["0-2"], groups["3-6"], groups["7-9"], groups["70-120"]) == (1, 1, 0, 1)


def test_another_labelling_is_read_and_blanks_are_counted(labelled, tmp_path):
    table = tmp_path / "features.csv"
    table.write_text(FEATURES)
    result = run("demographics", labelled, "--features", table, "--ids", "0-3")
    groups = counts(result.output)
    assert (groups["20-29"], groups["70+"], groups["no label"]) == (1, 1, 2)
    assert "ffhq-features" in result.output


def test_sets_stand_side_by_side_and_a_folder_gets_their_totals(labelled, tmp_path):
    masks = labelled / "manual_wrinkle_masks"
    masks.mkdir()
    for image_id in ("00000", "00001"):
        (masks / f"{image_id}.png").touch()
    out = tmp_path / "who"
    sets = ("--set", "human=manual", "--set", "weak=0-49999", "--set", "test=test")
    result = run("demographics", labelled, *sets, "--out", out)
    assert result.exit_code == 0, result.output
    assert re.search(r"^ +human +weak +test$", result.output, re.M)
    assert result.output.endswith(f"Tables and a figure are in {out}.\n")
    record = json.loads((out / "demographics.json").read_text())
    assert {name: each["faces"] for name, each in record["sets"].items()} == {
        "human": 2, "weak": 50_000, "test": 100,
    }  # fmt: skip
    assert record["sets"]["weak"]["without_label"] == {"age": 49_996, "sex": 49_996}
    (human,) = [
        each for each in record["differences"]
        if (each["first"], each["second"], each["variable"]) == ("human", "weak", "sex")
    ]  # fmt: skip
    assert (human["common"], human["first_labelled"], human["second_labelled"]) == (2, 2, 2)
    assert human["chi_squared"] == 0
    assert {path.name for path in out.glob("[!.]*")} == {
        "demographics.csv", "demographics.json", "demographics.md", "demographics.png",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--ids", "0-5", "--set", "a=1"], "--ids defines one set and --set several"),
        (["--set", "a"], "--set: 'a' should be a name and ids"),
        (["--set", "a=manual"], "which does not exist"),
        (["--ids", "none.txt"], "--ids: there is no file none.txt"),
        (["--ids", "9-1"], "should run from a smaller id"),
        (["--ids", "50000-50010"], "none of the faces, such as 50000, has a label"),
        (["--race"], "--race requires --out"),
        (
            ["--race", "--race-labels", "TABLE", "--out", "o"],
            "both give race/ethnicity; use one of them",
        ),
        (["--features", "TABLE", "--aging-labels", "TABLE"], "both give age and sex"),
        (["--align"], "require --race"),
        (["--keep-individual"], "require --race"),
        (["--landmarks", "TABLE"], "--landmarks requires --align"),
        (["--aging-labels", "TABLE"], "TABLE lacks the column gender; it has image_number"),
        (["--features", "TABLE"], "TABLE lacks the columns age, gender"),
        (["--race-labels", "TABLE"], "TABLE is not a table of race"),
        (["--aging-labels", "none"], "'none' does not exist"),
        (["--out", "DATA"], "overlap"),
    ],
)
def test_wrong_usage_is_reported_in_one_line(labelled, tmp_path, monkeypatch, options, said):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "TABLE").write_text("image_number,age_group\n1,20-29\n")
    result = run(
        "demographics", labelled, *(labelled if option == "DATA" else option for option in options)
    )
    assert result.exit_code == 2
    assert said in result.output.splitlines()[-1]
    assert not (tmp_path / "o").exists()


def test_without_labels_the_error_says_how_to_download_them(dataset):
    result = run("demographics", dataset.root)
    assert result.exit_code == 2
    assert f"`ffhq-wrinkle download aging-labels {dataset.root}`" in result.output
    result = run("demographics", dataset.root / "images1024x1024" / "00000" / "..", "--race")
    assert "--race requires --out" in result.output


def test_a_set_of_one_word_is_called_by_it(labelled):
    (labelled / "ffhq_aging_labels.csv").write_text(AGING + "4,20-29,male\n")
    result = run("demographics", labelled, "--ids", "test")
    assert result.exit_code == 2  # none of the test ids has a label there
    masks = labelled / "manual_wrinkle_masks"
    masks.mkdir()
    (masks / "00001.png").touch()
    assert (
        run("demographics", labelled, "--ids", "manual")
        .output.split("\n\n")[1]
        .startswith("Faces: manual 1.")
    )


def test_an_earlier_report_is_replaced_only_with_overwrite(labelled, tmp_path):
    out = tmp_path / "who"
    assert run("demographics", labelled, "--ids", "0-9", "--out", out).exit_code == 0
    command = ("demographics", labelled, "--ids", "0-19", "--out", out)
    result = run(*command)
    assert result.exit_code == 1
    assert f"{out} holds a report already; choose another folder, or --overwrite" in result.stderr
    faces = [json.loads((out / "demographics.json").read_text())["sets"]["all"]["faces"]]
    assert run(*command, "--overwrite").exit_code == 0
    faces.append(json.loads((out / "demographics.json").read_text())["sets"]["all"]["faces"])
    assert faces == [10, 20]


def test_a_folder_that_holds_other_files_is_left_alone(labelled, tmp_path):
    out = tmp_path / "mine"
    out.mkdir()
    (out / "thesis.tex").write_text("x")
    result = run("demographics", labelled, "--out", out)
    assert result.exit_code == 1
    assert "thesis.tex" in result.output
    assert [path.name for path in out.iterdir()] == ["thesis.tex"]


def test_race_is_reported_in_totals_and_of_no_person(stand_in, photos, tmp_path):
    out = tmp_path / "who"
    result = run("demographics", photos, "--race", "--out", out, "--jobs", 2)
    assert result.exit_code == 0, result.output
    assert "12 estimates written, 0 existed already" in result.output
    groups = counts(result.output)
    assert (groups["black"], groups["asian"], groups["white"], groups["no label"]) == (7, 5, 0, 0)
    assert "race: DeepFace 0.0.103, weights " in result.output
    written = [path for path in out.rglob("*") if path.is_file() and path.suffix != ".lock"]
    assert {path.name for path in written} == {
        "demographics.csv", "demographics.json", "demographics.md", "demographics.png",
    }  # fmt: skip
    for path in written:
        assert b"face 3" not in path.read_bytes()


def test_each_person_s_estimate_is_kept_where_it_is_asked_for_and_read_again(
    stand_in, photos, tmp_path
):
    out = tmp_path / "who"
    result = run("demographics", photos, "--race", "--keep-individual", "--out", out)
    assert result.exit_code == 0, result.output
    assert [row["image_id"] for row in rows_of(out / "race.csv")] == sorted(
        f"face {number}" for number in range(12)
    )
    stand_in.unlink()  # no model is needed any more
    result = run("demographics", photos, "--race-labels", out / "race.csv")
    assert counts(result.output)["black"] == 7
    drawn = run("sample", photos, "--n", 6, "--by", "race", "--race-labels", out / "race.csv")
    numbers = [int(line.split()[1]) for line in drawn.stdout.splitlines()[1:]]
    # 7 and 5 of 12: quotas 3.5 and 2.5, and the larger has the odd one.
    assert (sum(number < 7 for number in numbers), len(numbers)) == (4, 6)


def test_failures_are_rows_and_the_rest_is_described(stand_in, photos, tmp_path):
    out = tmp_path / "who"
    (photos / "face 3.png").write_bytes(b"no image")
    result = run("demographics", photos, "--race", "--out", out)
    assert result.exit_code == 1
    assert "11 estimates written, 0 existed already, 1 failed, see" in result.output
    groups = counts(result.output)
    assert (groups["black"], groups["no label"]) == (6, 1)
    assert "face 3.png,read," in (out / "failures.csv").read_text()
    Image.fromarray(np.full((64, 64, 3), 90, np.uint8)).save(photos / "face 3.png")
    assert run("demographics", photos, "--race", "--out", out).exit_code == 0
    assert not (out / "failures.csv").exists()


def test_photos_as_they_come_are_aligned_first(stand_in, photos, tmp_path):
    """Where the landmarks say, a blue face is in a red photo; one photo has none."""
    for number, path in enumerate(sorted(photos.iterdir())):
        path.unlink()
        if number < 3:
            image = np.full((300, 300, 3), (200, 10, 10), np.uint8)
            image[100:200, 100:200] = (10, 10, 200)
            Image.fromarray(image).save(photos / f"{number}.png")
    table = tmp_path / "landmarks.csv"
    points = (140, 140, 160, 140, 143, 160, 157, 160)
    rows = [",".join(map(str, (number, *points))) for number in range(2)]
    table.write_text("\n".join([",".join(COLUMNS), *rows]))
    command = ("demographics", photos, "--race", "--keep-individual", "--out")
    result = run(*command, tmp_path / "faces", "--align", "--landmarks", table)
    assert result.exit_code == 1
    groups = counts(result.output)
    assert (groups["asian"], groups["black"], groups["no label"]) == (2, 0, 1)
    assert ", aligned by landmarks " in result.output
    assert "2.png,align," in (tmp_path / "faces" / "failures.csv").read_text()
    result = run(*command, tmp_path / "whole")
    assert counts(result.output)["black"] == 3


def test_missing_weights_are_reported_in_one_line(stand_in, photos, tmp_path, site):
    stand_in.unlink()
    with weights_at(site.url("/race_model_single_batch.onnx")):
        result = run("-q", "demographics", photos, "--race", "--out", tmp_path / "who")
    assert result.exit_code == 1
    (line,) = result.output.splitlines()
    assert line.startswith("Error: DeepFace's weights cannot be downloaded. Put race_model_")
    assert str(stand_in.parent) in line


@pytest.mark.real_data
def test_fifty_thousand_real_rows_are_counted_as_csv_and_python_count_them(real_data, tmp_path):
    import gzip
    from collections import Counter

    path = real_data / "ffhq-features" / "ffhq_features.csv.gz"
    result = run("demographics", tmp_path, "--features", path, "--ids", "0-49999")
    assert result.exit_code == 0, result.output
    with gzip.open(path, "rt", newline="") as file:
        rows = list(csv.DictReader(file))[:50_000]
    decades = Counter(float(row["age"]) // 10 for row in rows if row["age"])
    groups = counts(result.output)
    assert groups["30-39"] == decades[3]
    assert groups["50-69"] == decades[5] + decades[6]
    assert groups["70+"] == sum(count for decade, count in decades.items() if decade >= 7)
    assert groups["female"] == sum(row["gender"] == "female" for row in rows)
    assert groups["no label"] == sum(not row["age"] for row in rows)
    assert len(read_features(path).frame) == 70_000
