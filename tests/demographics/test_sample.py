"""Draws for annotation: largest remainders, strata, and what is left out."""

import numpy as np
import pandas as pd
import pytest

from ffhq_wrinkle.dataset.ids import Ids, official_test_ids, parse_ids, read_ids
from ffhq_wrinkle.demographics.id_sets import meant_ids, named_sets, photographed_ids
from ffhq_wrinkle.demographics.label_tables import Labels
from ffhq_wrinkle.demographics.sample import draw_sample, write_id_list
from ffhq_wrinkle.demographics.strata import draw, proportional
from ffhq_wrinkle.errors import ArgumentError
from tests.helpers.odd_names import NOT_TEXT


@pytest.mark.parametrize(
    ("sizes", "draws", "expected"),
    [
        ([1000, 500, 250, 250], 8, [4, 2, 1, 1]),
        ([5, 3, 2], 4, [2, 1, 1]),  # quotas 2.0, 1.2, 0.8
        ([3, 3, 4], 5, [2, 1, 2]),  # 1.5, 1.5, 2.0: of equal remainders and sizes the first
        ([1, 3], 2, [0, 2]),  # 0.5, 1.5: of equal remainders the larger
        ([7], 7, [7]),
        ([1, 1, 1], 3, [1, 1, 1]),
        ([0, 4], 2, [0, 2]),
    ],
)
def test_draws_are_dealt_out_by_the_largest_remainder(sizes, draws, expected):
    assert proportional(sizes, draws) == expected


def test_no_part_gets_more_than_it_has_nor_a_draw_away_from_its_quota():
    random = np.random.default_rng(0)
    for _ in range(200):
        sizes = random.integers(0, 40, random.integers(1, 9)).tolist()
        draws = int(random.integers(1, max(2, sum(sizes))))
        if sum(sizes) < draws:
            continue
        dealt = np.array(proportional(sizes, draws))
        assert dealt.sum() == draws
        assert (dealt <= sizes).all()
        assert (np.abs(dealt - draws * np.array(sizes) / sum(sizes)) < 1).all()


def test_a_draw_depends_on_the_seed_and_not_on_the_order():
    strata = {("a",): ["1", "2", "3", "4", "5", "6"], ("b",): ["7", "8", "9"]}
    turned = {("b",): ["9", "7", "8"], ("a",): ["6", "5", "4", "3", "2", "1"]}
    drawn = [draw(order, 3, np.random.default_rng(1)) for order in (strata, turned)]
    assert drawn[0] == drawn[1]
    assert {name: len(ids) for name, ids in drawn[0].items()} == {("a",): 2, ("b",): 1}
    assert len({str(draw(strata, 3, np.random.default_rng(seed))) for seed in range(9)}) > 1


def test_every_id_is_as_likely_as_any_other():
    population = parse_ids("0-9")
    counts = pd.Series(0, index=list(population))
    for seed in range(2_000):
        counts[draw_sample(population, 3, seed=seed).ids] += 1
    # Binomial of 2,000 and 0.3: mean 600, standard deviation 20.5.
    assert counts.between(600 - 4 * 21, 600 + 4 * 21).all()


def labels():
    """60 young men, 30 old women, and 10 whose sex nobody knows."""
    sexes = ["male"] * 60 + ["female"] * 30 + [None] * 10
    ages = ["20-29"] * 60 + ["70+"] * 40
    ids = [f"{number:05d}" for number in range(100)]
    return Labels(pd.DataFrame({"age": ages, "sex": sexes}, index=ids, dtype=object), ("here",))


def test_strata_are_drawn_in_proportion_and_those_without_a_label_are_one():
    sample = draw_sample(parse_ids("0-99"), 20, by=["sex", "age"], labels=labels(), seed=3)
    counts = {name: (size, len(drawn)) for name, (size, drawn) in sample.strata.items()}
    assert counts == {
        ("20-29", "male"): (60, 12), ("70+", "female"): (30, 6), ("70+", "no label"): (10, 2),
    }  # fmt: skip
    assert sample.by == ("age", "sex")
    assert len(set(sample.ids)) == 20
    assert "20 of 100 ids drawn in proportion by age, sex, seed 3; 0 excluded" in sample.summary()


def test_excluded_ids_are_neither_drawn_nor_counted():
    excluded = parse_ids("0-29,00095")
    sample = draw_sample(
        parse_ids("0-99"), 69, excluded=excluded, by=["sex"], labels=labels()
    )  # all that are left
    assert sample.ids == [f"{n:05d}" for n in range(30, 100) if n != 95]
    assert sample.excluded == 31
    with pytest.raises(ArgumentError, match="70 ids cannot be drawn: there are 69, and 31 others"):
        draw_sample(parse_ids("0-99"), 70, excluded=excluded)


def test_missing_labels_cannot_be_drawn_by():
    with pytest.raises(ArgumentError, match="no labels of race for the strata"):
        draw_sample(parse_ids("0-99"), 5, by=["age", "race"], labels=labels())
    with pytest.raises(ArgumentError, match="such as 00500, has a label for the strata"):
        draw_sample(parse_ids("500-599"), 5, by=["age"], labels=labels())


@pytest.mark.parametrize("name", ["12-34", "a,b", "a#b", " a", "test-1,2"])
def test_names_that_a_list_would_misread_are_refused(name):
    with pytest.raises(ArgumentError, match="cannot be written to an id list"):
        draw_sample(Ids(names=frozenset({name})), 1)


def test_the_list_has_the_ids_and_nothing_of_the_persons(tmp_path):
    sample = draw_sample(parse_ids("0-99,portrait"), 101, by=["age"], labels=labels())
    path = tmp_path / "list.txt"
    path.write_text(sample.id_list())
    assert list(read_ids(path)) == [*(f"{n:05d}" for n in range(100)), "portrait"]
    assert not {"male", "70+", "20-29"} & set(sample.id_list().split())


def test_sets_are_ranges_lists_official_tests_or_human_masks(tmp_path):
    (tmp_path / "manual_wrinkle_masks").mkdir()
    for name in ("00007.png", "12.png"):
        (tmp_path / "manual_wrinkle_masks" / name).touch()
    path = tmp_path / "ids.txt"
    path.write_text("3\n9-10 # three\n")
    sets = named_sets(["human=manual", f"list={path}", "test=test", "weak=0-2,5"], tmp_path)
    assert {name: list(ids) for name, ids in sets.items()} == {
        "human": ["00007", "00012"], "list": ["00003", "00009", "00010"],
        "test": list(official_test_ids()), "weak": ["00000", "00001", "00002", "00005"],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        (["0-5"], "should be a name and ids"),
        (["=0-5"], "should be a name and ids"),
        (["a=0-5", "a=7"], "two sets have the name 'a'"),
        (["a=5-2"], "--set a: '5-2' should run from a smaller id"),
        (["a="], "--set a: '' is not an image id"),
        (["a=none.txt"], "--set a: there is no file none.txt"),
        (["a=../x"], r"--set a: there is no file \.\./x"),
        (["a=manual"], "--set a: manual stands for the masks in .*, which does not exist"),
    ],
)
def test_sets_that_name_no_ids_are_refused(tmp_path, texts, said):
    with pytest.raises(ArgumentError, match=said):
        named_sets(texts, tmp_path)


def test_photographs_are_the_ids_where_none_are_given(dataset, tmp_path):
    assert list(photographed_ids(dataset.root)) == dataset.ids
    with pytest.raises(ArgumentError, match="without photographs, the ids must be given"):
        photographed_ids(tmp_path / "data" / "face_parsed_labels")
    assert list(meant_ids("0-1", dataset.root)) == ["00000", "00001"]


def test_a_list_holds_names_that_are_not_text(tmp_path):
    sample = draw_sample(Ids(names=frozenset({*NOT_TEXT, "portrait"})), 3)
    write_id_list(tmp_path / "list.txt", sample)
    assert set(read_ids(tmp_path / "list.txt")) == {*NOT_TEXT, "portrait"}


@pytest.mark.parametrize("name", ["a\x85b", "a\u2028b", "a\x0bb"])
def test_names_that_would_be_two_lines_of_a_list_are_refused(name):
    with pytest.raises(ArgumentError, match="cannot be written to an id list"):
        draw_sample(Ids(names=frozenset({name})), 1)
