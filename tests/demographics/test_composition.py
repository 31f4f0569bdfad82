"""Sets and their labels to tables and a figure, as the paper's Table 1."""

import csv
import io
import json

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from scipy.stats import chi2_contingency

from ffhq_wrinkle.dataset.ids import parse_ids
from ffhq_wrinkle.demographics.bars import bars
from ffhq_wrinkle.demographics.composition import compose
from ffhq_wrinkle.demographics.composition_report import require_report, write_report
from ffhq_wrinkle.demographics.composition_tables import markdown, printed, record, shares_csv
from ffhq_wrinkle.demographics.groups import RACES, SEXES, groups_of
from ffhq_wrinkle.demographics.label_tables import Labels
from ffhq_wrinkle.errors import ArgumentError, OutputError

# The paper's Table 1.
AGES = (7_030, 4_448, 13_804, 10_960, 6_931, 5_550, 1_277)
SEX = (26_929, 23_071)
RACE = (29_728, 11_121, 3_895, 2_383, 2_053, 820)
HUMAN = ((66, 68, 233, 246, 186, 161, 40), (471, 529), (587, 210, 67, 81, 37, 18))


def labels(columns, ids=None):
    size = len(next(iter(columns.values())))
    ids = ids or [f"{number:05d}" for number in range(size)]
    return Labels(pd.DataFrame(columns, index=ids, dtype=object), ("by hand",))


def paper():
    """50,000 faces that are composed as the paper's, of which the first 1,000 are labelled."""
    columns = {}
    variables = (("age", AGES), ("sex", SEX), ("race", RACE))
    for (variable, totals), human in zip(variables, HUMAN, strict=True):
        groups = groups_of(variable)
        rest = np.subtract(totals, human)
        columns[variable] = np.concatenate([np.repeat(groups, human), np.repeat(groups, rest)])
    return labels(columns)


@pytest.fixture(scope="module")
def table_1():
    return compose({"manual": parse_ids("0-999"), "weak": parse_ids("0-49999")}, paper())


def test_table_1_agrees_with_the_paper(table_1):
    assert table_1.faces == {"manual": 1_000, "weak": 50_000}
    for variable, totals, human in zip(("age", "sex", "race"), (AGES, SEX, RACE), HUMAN,
                                       strict=True):  # fmt: skip
        assert tuple(share.faces for share in table_1.shares_of(variable, "weak")) == totals
        assert tuple(share.faces for share in table_1.shares_of(variable, "manual")) == human
    (white,) = [share for share in table_1.shares_of("race", "weak") if share.group == "white"]
    assert white.share == pytest.approx(0.59456)
    text = printed(table_1)
    assert "587  58.7 % [55.6, 61.7]" in text  # Wilson's, by hand
    assert "29,728  59.5 % [59.0, 59.9]" in text
    assert "describe a set, never a person" in text
    narrow = printed(table_1, 80)
    assert max(map(len, narrow.splitlines())) <= 80
    assert "587  58.7 % [55.6, 61.7]" in narrow
    first = text.splitlines()[0]
    assert first.startswith("manual has 1,000 faces, most often ")
    assert "race/ethnicity white (59 %); weak has 50,000 faces" in first


def test_a_part_is_compared_with_the_rest_so_that_no_face_counts_twice(table_1):
    (difference,) = [each for each in table_1.differences if each.variable == "sex"]
    assert (difference.common, difference.first_labelled, difference.second_labelled) == (
        1_000,
        1_000,
        49_000,
    )
    counts = [HUMAN[1], np.subtract(SEX, HUMAN[1])]
    expected = chi2_contingency(counts, correction=False)
    assert difference.association.chi_squared == pytest.approx(expected.statistic)
    assert difference.association.p == pytest.approx(expected.pvalue)
    assert "manual (1,000), weak (49,000)" in printed(table_1)
    assert "count in the smaller one only" in printed(table_1)


def test_faces_without_a_label_are_counted_and_have_no_share():
    labelled = labels({"sex": ["male", "female", None, "male"], "age": [None] * 3 + ["70+"]})
    composition = compose({"few": parse_ids("0-9")}, labelled)
    assert [share.faces for share in composition.shares_of("sex", "few")] == [2, 1]
    assert [share.share for share in composition.shares_of("sex", "few")] == pytest.approx(
        [2 / 3, 1 / 3]
    )
    assert composition.unlabelled("sex", "few") == 7
    assert composition.unlabelled("age", "few") == 9
    assert composition.unknown == {"few": 6}
    assert "few: 6 of 10 ids are not in any table." in printed(composition)
    assert composition.differences == ()
    rows = list(csv.DictReader(io.StringIO(shares_csv(composition).decode())))
    for variable in ("age", "sex"):
        assert sum(int(row["faces"]) for row in rows if row["variable"] == variable) == 10
    (blank,) = [row for row in rows if (row["group"], row["variable"]) == ("no label", "sex")]
    assert (blank["faces"], blank["share"]) == ("7", "")


def test_sets_may_overlap_be_equal_or_lack_labels():
    labelled = labels({"sex": ["male"] * 3 + ["female"] * 3})
    composition = compose(
        {"a": parse_ids("0-3"), "b": parse_ids("2-5"), "c": parse_ids("0-3"),
         "d": parse_ids("100-101")}, labelled,
    )  # fmt: skip
    by_sets = {
        (difference.first, difference.second): difference for difference in composition.differences
    }
    assert len(by_sets) == 6
    overlapping = by_sets["a", "b"]
    assert (overlapping.common, overlapping.first_labelled, overlapping.second_labelled) == (
        2,
        2,
        4,
    )
    assert np.isnan(by_sets["a", "c"].association.p)
    assert np.isnan(by_sets["a", "d"].association.p)
    assert np.isnan([share.share for share in composition.shares_of("sex", "d")]).all()
    assert "undefined" in printed(composition)
    assert "(rough)" in printed(composition)
    record_text = json.dumps(record(composition), allow_nan=False)
    assert json.loads(record_text)["sets"]["d"] == {
        "faces": 2, "in_no_table": 2, "without_label": {"sex": 2},
    }  # fmt: skip
    bars(composition)


def test_ids_are_numbers_however_they_are_written_and_names_otherwise():
    labelled = labels({"sex": ["male", "female"]}, ids=["00007", "portrait"])
    composition = compose({"x": parse_ids("7,00007,portrait")}, labelled)
    assert [share.faces for share in composition.shares_of("sex", "x")] == [1, 1]
    assert composition.faces == {"x": 2}


def test_sets_without_any_label_are_refused():
    with pytest.raises(ArgumentError, match=r"such as 00005, has a label \(by hand\)"):
        compose({"x": parse_ids("5")}, labels({"sex": ["male", None]}))


def test_csv_json_and_markdown_have_the_same_figures(table_1):
    rows = list(csv.DictReader(io.StringIO(shares_csv(table_1).decode())))
    content = record(table_1)
    assert len(rows) == len(content["shares"]) + 6  # a row without label for each variable and set
    for row, share in zip((row for row in rows if row["group"] != "no label"), content["shares"],
                          strict=True):  # fmt: skip
        assert (row["set"], row["group"]) == (share["set"], share["group"])
        assert int(row["faces"]) == share["faces"]
        assert float(row["high"]) == share["high"]
    assert {difference["variable"] for difference in content["differences"]} == {
        "age",
        "sex",
        "race",
    }
    text = markdown(table_1)
    for group in (*groups_of("age"), *SEXES, *RACES):
        assert f" {group} " in text


def test_a_report_has_totals_only_and_an_earlier_one_is_replaced(table_1, tmp_path):
    out = tmp_path / "deep" / "who"
    for _ in range(2):
        require_report(out, overwrite=True)
        write_report(table_1, out)
        assert {path.name for path in out.glob("[!.]*")} == {
            "demographics.csv", "demographics.json", "demographics.md", "demographics.png",
        }  # fmt: skip
    (out / "holiday.txt").touch()
    with pytest.raises(OutputError, match=r"holiday\.txt"):
        require_report(out)


def test_the_bars_are_as_long_as_the_shares():
    labelled = labels({"sex": ["male"] * 30 + ["female"] * 10})
    png = bars(compose({"all": parse_ids("0-39")}, labelled))
    assert png == bars(compose({"all": parse_ids("0-39")}, labelled))
    pixels = np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).astype(int)
    blue = (np.abs(pixels - (0, 0x72, 0xB2)) < 3).all(axis=2)
    lengths = blue.sum(axis=1)
    rows = np.flatnonzero(lengths > lengths.max() / 6)  # the legend's patch is shorter
    (edge,) = np.flatnonzero(np.diff(rows) > 5)[-1:]
    upper, lower = rows[: edge + 1], rows[edge + 1 :]
    ratio = np.median(lengths[upper[-8:]]) / np.median(lengths[lower[:8]])
    assert ratio == pytest.approx(3, rel=0.05)
