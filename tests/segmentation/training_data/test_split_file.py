import pytest

from ffhq_wrinkle.errors import ArgumentError
from ffhq_wrinkle.segmentation.training_data.samples import Sample
from ffhq_wrinkle.segmentation.training_data.split_file import read_split_of, write_split
from tests.helpers.training_data import dealt


def test_a_split_is_read_as_it_was_written(hundred, tmp_path):
    split = dealt(hundred, fraction=0.1)
    write_split(tmp_path / "split.csv", split)
    assert read_split_of(tmp_path / "split.csv", hundred) == split
    lines = (tmp_path / "split.csv").read_text().splitlines()
    assert lines[0] == "image_id,part,used"
    assert sum(line.endswith("train,no") for line in lines) == 72


def test_a_split_of_other_data_is_refused(hundred, make_samples, tmp_path):
    path = tmp_path / "split.csv"
    write_split(path, dealt(hundred))
    with pytest.raises(
        ArgumentError, match="2 images are not in the data any more, such as 00098, 00099;"
    ):
        read_split_of(path, hundred[:98])
    with pytest.raises(ArgumentError, match="1 image is not in it, such as 00100"):
        read_split_of(path, [*hundred, *make_samples(["00100"])])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("id,part,used\n", "split.csv:1: the columns should be image_id, part, used"),
        ("image_id,part,used\n1,train,yes\n1,val,yes\n", "split.csv:3: '1,val,yes' should be"),
        ("image_id,part,used\n1,training,yes\n", "split.csv:2: '1,training,yes' should be"),
        ("image_id,part,used\n1,val,no\n", "split.csv:2: '1,val,no' should be"),
        ("image_id,part,used\n1,train\n", "split.csv:2: '1,train' should be"),
        ("image_id,part,used\n1,train,yes\n", "is left for val and test;"),
    ],
)
def test_a_damaged_split_is_named_by_its_line(make_samples, tmp_path, text, message):
    (tmp_path / "split.csv").write_text(text)
    with pytest.raises(ArgumentError) as caught:
        read_split_of(tmp_path / "split.csv", [Sample("1", tmp_path / "1.png")])
    assert message in str(caught.value)
    with pytest.raises(ArgumentError, match="cannot be read as a split"):
        read_split_of(tmp_path / "none.csv", [])
