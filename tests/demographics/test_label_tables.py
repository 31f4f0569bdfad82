import gzip

import pandas as pd
import pytest

from ffhq_wrinkle.demographics.groups import groups_of
from ffhq_wrinkle.demographics.label_tables import (
    Labels,
    no_labels,
    read_aging_labels,
    read_features,
    read_own_table,
)
from ffhq_wrinkle.errors import ArgumentError

AGING = "image_number,age_group,age_group_confidence,gender,gender_confidence,glasses\n"
FEATURES = "image_number,n_faces,age,gender,pitch\n"


@pytest.fixture
def table(tmp_path):
    """Write a table, and give its path."""

    def write(text, name="labels.csv"):
        path = tmp_path / name
        content = text.encode() if isinstance(text, str) else text
        path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
        return path

    return write


def cells(labels):
    return labels.frame.astype(object).where(labels.frame.notna(), None).to_dict("index")


# Each of FFHQ-Aging's groups, and the paper's that it lies in, by hand.
GROUPS = {
    "0-2": "0-9", "3-6": "0-9", "7-9": "0-9", "10-14": "10-19", "15-19": "10-19", "20-29": "20-29",
    "30-39": "30-39", "40-49": "40-49", "50-69": "50-69", "70-120": "70+",
}  # fmt: skip


@pytest.mark.parametrize("age_groups", ["paper", "ffhq-aging"])
def test_ffhq_aging_s_groups_become_the_paper_s_or_stay_as_they_are(table, age_groups):
    rows = [f"{number},{group},0.9,male,1.0,None" for number, group in enumerate(GROUPS)]
    labels = read_aging_labels(table(AGING + "\n".join(rows)), age_groups)
    expected = GROUPS.values() if age_groups == "paper" else GROUPS
    assert list(labels.frame["age"]) == list(expected)
    assert list(labels.frame.index) == [f"{number:05d}" for number in range(10)]
    assert tuple(dict.fromkeys(expected)) == groups_of("age", age_groups)


def test_numbers_of_years_are_put_into_groups_by_their_first_year(table):
    years = [0, 9, 9.5, 10, 19, 20, 49, 50, 69, 69.9, 70, 101]
    rows = [f"{number:05d},1,{age},Female,0.1" for number, age in enumerate(years)]
    labels = read_features(table(FEATURES + "\n".join(rows)))
    assert list(labels.frame["age"]) == [
        "0-9", "0-9", "0-9", "10-19", "10-19", "20-29", "40-49", "50-69", "50-69", "50-69", "70+",
        "70+",
    ]  # fmt: skip
    assert set(labels.frame["sex"]) == {"female"}
    finer = read_features(table(FEATURES + "0,1,2.9,male,\n1,1,3,male,\n"), "ffhq-aging")
    assert list(finer.frame["age"]) == ["0-2", "3-6"]


def test_a_blank_is_not_a_label_and_its_row_stays(table):
    labels = read_features(table(FEATURES + "36,0,,,\n7,1,31.0,,1\n\n8,1\n"))
    nothing = {"age": None, "sex": None}
    assert cells(labels) == {
        "00036": nothing, "00007": {"age": "30-39", "sex": None}, "00008": nothing,
    }  # fmt: skip


def test_a_table_may_be_compressed_and_begin_with_a_byte_order_mark(table):
    text = "\ufeff" + AGING + "3,20-29,1,male,1,None\n"
    for name in ("labels.csv", "labels.csv.gz"):
        labels = read_aging_labels(table(text, name))
        assert cells(labels) == {"00003": {"age": "20-29", "sex": "male"}}


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (
            "1,20-29,1,male,1,\n2,20-30,1,male,1,\n",
            ":3: '20-30' in column age_group is not an age group",
        ),
        ("1,06-Mar,1,male,1,\n", ":2: '06-Mar' in column age_group"),
        ("1,20-29,1,m,1,\n", ":2: 'm' in column gender is not male or female"),
        ("x,20-29,1,male,1,\n", ":2: 'x' in column image_number is not an image number"),
        ("-1,20-29,1,male,1,\n", "'-1' in column image_number"),
        ("1.0,20-29,1,male,1,\n", "'1.0' in column image_number"),
        (",20-29,1,male,1,\n", ":2: a blank in column image_number"),
        ("1,20-29,1,male,1,\n\n00001,20-29,1,male,1,\n", "image 00001 is in lines 2 and 4"),
        ("1,20-29,1,male,1,\n2,20-29,1,male,1,,,,9\n", "cannot be read as a table"),
        ("", "has no rows"),
        ("\n\n", "has no rows"),
    ],
)  # fmt: skip
def test_a_value_that_cannot_be_understood_is_named_with_its_line(table, rows, said):
    with pytest.raises(ArgumentError, match=r"labels\.csv") as raised:
        read_aging_labels(table(AGING + rows))
    assert said in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("age", ["-1", "131", "inf", "1e999", "twelve"])
def test_an_age_is_a_number_of_years(table, age):
    with pytest.raises(ArgumentError, match="is not an age from 0 to 130 years"):
        read_features(table(FEATURES + f"1,1,{age},male,\n"))


@pytest.mark.parametrize(
    ("content", "name", "said"),
    [
        (FEATURES, "a.csv", "lacks the column age_group; it has image_number, n_faces, age"),
        ("", "a.csv", "cannot be read"),
        ("\n", "a.csv", "cannot be read"),
        (b"\xff\xfe\x00i", "a.csv", "cannot be read"),
        (b"PK\x03\x04 no zip", "a.csv", "lacks the columns image_number, age_group, gender"),
        (AGING.encode() + b'1,"20-29', "a.csv", "cannot be read"),
    ],
)
def test_another_file_is_refused(table, content, name, said):
    with pytest.raises(ArgumentError, match=said):
        read_aging_labels(table(content, name))


def test_a_damaged_compressed_file_is_refused(tmp_path):
    whole = gzip.compress((AGING + "1,20-29,1,male,1,\n" * 500).encode())
    for content in (whole[: len(whole) // 2], b"no gzip", whole[:20] + b"x" * 30):
        path = tmp_path / "labels.csv.gz"
        path.write_bytes(content)
        with pytest.raises(ArgumentError, match="cannot be read as a table"):
            read_aging_labels(path)


def test_labels_are_joined_by_id_and_none_is_lost(table):
    ages = read_features(table(FEATURES + "1,1,5,male,\n2,1,6,male,\n"))
    race = Labels(pd.DataFrame({"race": {"00002": "asian", "00003": "black"}}), ("race",))
    joined = no_labels().joined(ages).joined(race)
    assert cells(joined) == {
        "00001": {"age": "0-9", "sex": "male", "race": None},
        "00002": {"age": "0-9", "sex": "male", "race": "asian"},
        "00003": {"age": None, "sex": None, "race": "black"},
    }
    assert joined.sources == (*ages.sources, "race")


OWN = """image_id,age,sex,site,note
subject01/visit1,34.5,Female,Bern,a
subject01/visit2,,male,Basel,b
00000/00007,70,,Bern,c
8,9,female,,d
"""


def test_a_table_of_ones_own_has_any_ids_and_further_columns(table):
    labels = read_own_table(table(OWN))
    assert cells(labels) == {
        "subject01/visit1": {"age": "30-39", "sex": "female", "site": "Bern", "note": "a"},
        "subject01/visit2": {"age": None, "sex": "male", "site": "Basel", "note": "b"},
        "00007": {"age": "70+", "sex": None, "site": "Bern", "note": "c"},
        "00008": {"age": "0-9", "sex": "female", "site": None, "note": "d"},
    }
    assert labels.variables == ["age", "sex", "site", "note"]
    assert labels.groups_of("site") == ("Basel", "Bern")
    assert labels.groups_of("age") == groups_of("age")


def test_age_groups_may_be_those_of_the_result_or_of_ffhq_aging(table):
    labels = read_own_table(table("image_id,age_group\na,70+\nb,70-120\nc,7-9\nd,\n"))
    assert cells(labels) == {
        "a": {"age": "70+"}, "b": {"age": "70+"}, "c": {"age": "0-9"}, "d": {"age": None},
    }  # fmt: skip


def test_columns_of_names_are_not_counted(table):
    rows = "\n".join(f"{number},person {number},{number % 30}" for number in range(31))
    labels = read_own_table(table(f"image_id,name,day\n{rows}"))
    assert labels.variables == ["day"]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("image_number,age\n1,3\n", "lacks the column image_id; it has image_number, age"),
        ("image_id,age,age_group\n1,3,3-6\n", "both age and age_group"),
        ("image_id\n1\n", "no column that can be counted"),
        ("image_id,sex\n../x,male\n", r"csv:2: '../x' in column image_id is not an image id"),
        ("image_id,sex\na,male\n,male\n", r"csv:3: a blank in column image_id"),
        ("image_id,sex\n7,male\n00007,male\n", "image 00007 is in lines 2 and 3"),
        ("image_id,sex\na,man\n", r"csv:2: 'man' in column sex is not male or female"),
        ("image_id,age\na,old\n", r"csv:2: 'old' in column age is not an age"),
        ("image_id,age_group\na,0-99\n", r"csv:2: '0-99' in column age_group is not an age group"),
    ],
)
def test_a_table_of_ones_own_that_cannot_be_understood_is_refused(table, text, fault):
    with pytest.raises(ArgumentError, match=fault):
        read_own_table(table(text))


def test_two_tables_of_one_variable_are_refused(table):
    own = read_own_table(table("image_id,sex\n1,male\n", "own.csv"))
    features = read_features(table(FEATURES + "1,1,30,male,0\n"))
    with pytest.raises(ArgumentError, match=r"both have labels of sex; use one of them"):
        own.joined(features)
