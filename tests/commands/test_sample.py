"""`sample` as a user calls it, and who reads its list."""

import pytest

from ffhq_wrinkle.dataset.ids import read_ids
from tests.helpers.commands import run
from tests.helpers.faces import drawn_lines


def test_labelled_images_are_left_out_and_an_existing_list_is_kept(dataset, tmp_path):
    masks = dataset.root / "manual_wrinkle_masks"
    masks.mkdir()
    (masks / "00001.png").touch()
    out = tmp_path / "next.txt"
    result = run("sample", dataset.root, "--n", 4, "--exclude", "1000", "--out", out)
    assert result.exit_code == 0, result.output
    assert "4 of 4 ids drawn at random, seed 0; 2 excluded, in" in result.output
    assert list(read_ids(out)) == ["00000", "00002", "00999", "01001"]
    before = out.read_bytes()
    assert run("sample", dataset.root, "--n", 4, "--exclude", "1000", "--out", out).exit_code == 0
    result = run("sample", dataset.root, "--n", 2, "--out", out)
    assert result.exit_code == 1
    assert "already exists" in result.output
    assert out.read_bytes() == before
    assert run("sample", dataset.root, "--n", 2, "--out", out, "--overwrite").exit_code == 0
    assert len(list(read_ids(out))) == 2


def test_without_out_the_list_alone_is_on_stdout(dataset, tmp_path):
    result = run("sample", dataset.root, "--n", 2, "--seed", 5)
    path = tmp_path / "list.txt"
    path.write_text(result.stdout)
    assert len(list(read_ids(path))) == 2
    assert "2 of 6 ids drawn at random, seed 5" in result.stderr


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--n", 0], "0 is not in the range"),
        ([], "Missing option '--n'"),
        (["--n", 7], "7 ids cannot be drawn: there are 6"),
        (["--n", 2, "--by", "height"], "--by: 'height' is not one of age, sex, race"),
        (["--n", 2, "--by", ""], "--by: '' is not one of"),
        (["--n", 2, "--by", "age"], "there are no labels of age for the strata"),
        (["--n", 2, "--exclude", "none.txt"], "--exclude: there is no file none.txt"),
        (["--n", 2, "--ids", "9-1"], "should run from a smaller id"),
    ],
)
def test_wrong_usage_is_reported_in_one_line(dataset, options, said):
    result = run("sample", dataset.root, *options)
    assert result.exit_code == 2
    assert said in result.output.splitlines()[-1]


def test_build_weak_agreement_and_download_read_the_list(dataset, annotate, tmp_path):
    listed = tmp_path / "next.txt"
    assert run("sample", dataset.root, "--n", 3, "--out", listed).exit_code == 0
    drawn = list(read_ids(listed))
    weak = tmp_path / "weak"
    result = run("build-weak", dataset.root, weak, "--parser", "mesh", "--ids-file", listed)
    assert result.exit_code == 0, result.output
    assert sorted(path.stem for path in weak.rglob("*.png")) == drawn
    folders = annotate(
        {
            name: {image_id: drawn_lines((30, 30), seed) for image_id in dataset.ids}
            for seed, name in enumerate(("anna", "ben"))
        }
    )
    result = run("agreement", *folders, "--ids-file", listed, "--resamples", 0)
    assert "\n3 images; 2 annotators" in result.output, result.output
    # The drawn faces are not FFHQ's, so the copies are refused; the ledger has the requested ids.
    new = tmp_path / "new"
    result = run("download", "images", new, "--ids-file", listed, "--source", dataset.images)
    rows = (new / "download.csv").read_text().splitlines()[1:]
    assert sorted(row.split(",")[0].split("/")[-1] for row in rows) == [
        f"{image_id}.png" for image_id in drawn
    ]
