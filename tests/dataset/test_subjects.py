import pytest
from PIL import Image

from ffhq_wrinkle.dataset.subjects import joined_by_subject, subjects_of
from ffhq_wrinkle.errors import ArgumentError
from ffhq_wrinkle.segmentation.training_data.samples import Sample
from ffhq_wrinkle.segmentation.training_data.split import make_pretrain_split
from tests.helpers.training_data import dealt

VISITS = [f"s{subject:02d}/visit{visit}" for subject in range(10) for visit in range(3)]


@pytest.fixture
def samples(tmp_path):
    """Three visits of ten subjects; each picture is of one colour of its own."""
    samples = []
    for number, image_id in enumerate(VISITS):
        path = tmp_path / f"{image_id}.png"
        path.parent.mkdir(exist_ok=True)
        Image.new("RGB", (4, 4), (number, 0, 0)).save(path)
        samples.append(Sample(image_id, path))
    return samples


def parts_of(split):
    """The parts that images of each subject are in."""
    parts = {}
    for image_id, part in split.parts.items():
        parts.setdefault(image_id[:3], set()).add(part)
    return parts


def test_a_subject_is_the_uppermost_folder_or_the_image_itself():
    ids = ["s1/left/a", "s1/b", "s2/a", "s2"]
    subjects = subjects_of(ids, "folder")
    assert subjects["s1/left/a"] == subjects["s1/b"]
    assert len(set(subjects.values())) == 3


def test_a_subject_is_what_an_expression_finds():
    ids = ["a/P01-x", "b/P01-y", "a/P02-x"]
    assert subjects_of(ids, r"P\d+") == {"a/P01-x": "P01", "b/P01-y": "P01", "a/P02-x": "P02"}
    both = subjects_of(ids, r"^(\w)/P(\d+)")  # the site and the number
    assert len(set(both.values())) == 3


@pytest.mark.parametrize(
    ("ids", "rule", "message"),
    [
        (["a", "b"], "folder", "none of 2 ids, such as a, b, has a folder"),
        (["P1", "x", "y"], r"P\d", r"is not found in 2 of 3 ids: x, y"),
        (["a"], "(", "neither folder nor a regular expression"),
    ],
)
def test_rules_that_do_not_fit_are_refused(ids, rule, message):
    with pytest.raises(ArgumentError, match=message):
        subjects_of(ids, rule)


def test_groups_that_share_subjects_in_a_chain_become_one():
    subjects = {"a": "1", "b": "2", "c": "2", "d": "3", "e": "4", "f": "1"}
    assert joined_by_subject([["a", "b"], ["c", "d"], ["e"], ["f"]], subjects) == [
        ["a", "b", "c", "d", "f"],
        ["e"],
    ]


@pytest.mark.parametrize("rule", ["folder", r"^s\d+"])
@pytest.mark.parametrize("seed", range(3))
def test_all_visits_of_a_subject_are_in_one_part(samples, rule, seed):
    split = dealt(samples, seed=seed, group_by=rule)
    assert all(len(parts) == 1 for parts in parts_of(split).values())
    sizes = {part: len(split.ids(part)) for part in ("train", "val", "test")}
    assert sizes == {"train": 24, "val": 3, "test": 3}
    # By themselves, three images tested on are of three subjects, or nearly.
    assert any(len(parts) > 1 for parts in parts_of(dealt(samples, seed=seed)).values())


def test_copies_join_their_subjects(samples):
    samples[0].image.write_bytes(samples[-1].image.read_bytes())
    for seed in range(5):
        parts = parts_of(dealt(samples, seed=seed, group_by="folder"))
        assert parts["s00"] == parts["s09"]


def test_too_few_subjects_are_reported(samples):
    with pytest.raises(ArgumentError, match="none of 6 images, 2 subjects, is left for"):
        dealt(samples[:6], group_by="folder")


def test_a_csv_that_divides_a_subject_is_refused(samples):
    given = dict.fromkeys(VISITS, "train") | dict.fromkeys(VISITS[:3], "val")
    given |= dict.fromkeys(VISITS[3:6], "test")
    assert dealt(samples, given=given, group_by="folder").parts == given
    given[VISITS[2]] = "train"
    with pytest.raises(ArgumentError, match="s00/visit0 and s00/visit2 show one subject, but one"):
        dealt(samples, given=given, group_by="folder")


def test_pretraining_leaves_out_subjects_that_are_validated_or_tested_with(samples):
    decided = {VISITS[0]: "val", VISITS[3]: "test", VISITS[6]: "train"}
    split = make_pretrain_split(samples, decided, test_ids=(), group_by="folder")
    parts = parts_of(split)
    assert (parts["s00"], parts["s01"], parts["s02"]) == ({"val"}, {"test"}, {"train"})
    assert parts["s09"] == {"train"}
    assert parts_of(make_pretrain_split(samples, decided, test_ids=()))["s00"] == {"val", "train"}
