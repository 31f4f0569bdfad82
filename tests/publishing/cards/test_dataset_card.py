"""Dataset card: its numbers are those of the folder's record, and its metadata can be parsed."""

import json
import re

import pytest
from huggingface_hub import DatasetCard

from tests.helpers.publishing import drawn, odd_data, published

pytest.importorskip("pyarrow")


@pytest.fixture
def out(tmp_path, annotate):
    from ffhq_wrinkle import agreement

    folders = [
        str(folder)
        for folder in annotate(
            {
                name: {"00007": drawn(seed), "eval-1": drawn(0), "dev 3": drawn(2 * seed)}
                for seed, name in enumerate(["A", "B", "chris"])
            }
        )
    ]
    report = tmp_path / "agreement.json"
    report.write_text(json.dumps(agreement(folders, resamples=50).record()))
    return published(
        odd_data(tmp_path / "data", weak=True), tmp_path / "out", "huggingface",
        annotators=folders, agreement=report, title="Lines of five faces",
    )  # fmt: skip


def test_metadata_name_the_splits_licence_and_task(out):
    data = DatasetCard((out / "README.md").read_text()).data
    assert data.pretty_name == "Lines of five faces"
    assert data.license == "other"
    assert data.task_categories == ["image-segmentation"]
    assert data.annotations_creators == ["other", "machine-generated"]
    assert [file["split"] for file in data.configs[0]["data_files"]] == [
        "train", "validation", "test",
    ]  # fmt: skip


def test_every_number_of_a_table_is_in_the_record(out):
    card = (out / "README.md").read_text()
    record = json.loads((out / "publish.json").read_text())
    rows = re.findall(r"^\| (.*?) +\| (.*?) +\| ([\d.-]+) +\| \[(.*?), (.*?)\] +\|$", card, re.M)
    assert len(rows) == len(record["agreement"]) > 5
    for row, figure in zip(rows, record["agreement"], strict=True):
        numbers = [f"{figure[name]:.4f}" for name in ("value", "low", "high")]
        assert list(row) == [figure["name"], figure["aggregate"], *numbers]
    parts = re.findall(r"^\| (train|validation|test) +\| (\d+) ", card, re.M)
    assert parts == [("train", "3"), ("validation", "1"), ("test", "1")]


def test_nobody_is_named(out):
    for path in (*out.glob("*.*"), *out.glob("data/*")):
        assert b"chris" not in path.read_bytes().replace(b"Sanchez et al.", b"")


def test_figures_that_were_not_measured_are_said_to_be_missing(tmp_path):
    out = published(odd_data(tmp_path / "data"), tmp_path / "plain", "huggingface")
    card = (out / "README.md").read_text()
    assert "Not measured. `ffhq-wrinkle agreement` measures it" in card
    assert "Not counted. `ffhq-wrinkle demographics` counts" in card
