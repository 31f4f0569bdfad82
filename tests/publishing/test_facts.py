"""Facts: figures come from reports of our commands, and nobody's name or folder with them."""

import json

import pytest

from ffhq_wrinkle.errors import ArgumentError
from ffhq_wrinkle.publishing.facts import facts_of
from ffhq_wrinkle.publishing.source import list_source
from tests.helpers.publishing import drawn, odd_data


@pytest.fixture
def source(tmp_path):
    return list_source(odd_data(tmp_path / "data"))


def facts(source, **options):
    return facts_of(source, title="t", licence=None, photographs=False, **options)


def report(tmp_path, annotate, names):
    from ffhq_wrinkle import agreement

    folders = annotate(
        {name: {f"{image}": drawn(image + seed) for image in range(3)} for seed, name in names}
    )
    (tmp_path / "report").mkdir()
    record = agreement([str(folder) for folder in folders], resamples=20).record()
    (tmp_path / "report/agreement.json").write_text(json.dumps(record))
    return tmp_path / "report"


@pytest.mark.parametrize("names", [["anna", "ben"], ["anna", "ben", "chris"]])
def test_agreement_is_that_of_the_report_without_names(tmp_path, annotate, source, names):
    folder = report(tmp_path, annotate, enumerate(names))
    rows = json.loads((folder / "agreement.json").read_text())["estimates"]
    kind = "average" if len(names) > 2 else "pair"
    [expected] = [
        row
        for row in rows
        if (row["kind"], row["measure"], row["aggregate"]) == (kind, "jaccard", "pooled")
    ]
    for given in (folder, folder / "agreement.json"):
        figures = facts(source, agreement=given).agreement
        [figure] = [
            figure
            for figure in figures
            if (figure.name, figure.aggregate) == ("Jaccard index", "pooled")
        ]
        assert figure[3:] == (expected["value"], expected["low"], expected["high"])
        assert "anna" not in repr(figures)


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"command": "agreement"}'])
def test_a_file_that_is_no_report_is_refused(tmp_path, source, content):
    path = tmp_path / "agreement.json"
    path.write_text(content)
    with pytest.raises(ArgumentError, match=r"agreement\.json (is not|cannot be read as) a report"):
        facts(source, agreement=path)


def test_demographics_are_totals_without_folders(tmp_path, source):
    path = tmp_path / "demographics.json"
    share = {"set": "all", "variable": "sex", "group": "male", "faces": 3, "labelled": 5}
    share |= {"share": 0.6, "low": 0.2, "high": 0.9}
    sources = ["sex: table (/home/anna/table.csv)"]
    content = {"command": "demographics", "shares": [share], "sources": sources}
    path.write_text(json.dumps(content))
    known = facts(source, demographics=path)
    assert known.demographics == (("all", "sex", "male", 3, 0.6, 0.2, 0.9),)
    assert known.label_sources == ("sex: table (table.csv)",)


def test_the_licence_is_ffhqs_only_if_all_ids_are(tmp_path, source):
    assert facts(source).licence == "other"
    ffhq = list_source(odd_data(tmp_path / "ffhq", ids={"00007": "train", "00008": "val"}))
    assert facts(ffhq).licence == "cc-by-nc-sa-4.0"
