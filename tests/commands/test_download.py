"""`download` as a user calls it."""

import hashlib

import pytest
from click.testing import CliRunner

from ffhq_wrinkle.cli import main
from tests.helpers.downloads import packed, picture, place, serve_images
from tests.helpers.files import files_of


def run(*arguments):
    return CliRunner().invoke(main, ["download", *(str(argument) for argument in arguments)])


@pytest.fixture
def data(tmp_path):
    return tmp_path / "ffhq"


def test_images_are_fetched_and_counted(host, sources, data):
    serve_images(host, [1, 2])
    options = ["--source", host.url("/{id}.png"), "--ids", "1-2", "--jobs", 2, "--timeout", 5]
    result = run("images", data, *options)
    assert (result.exit_code, result.stdout) == (
        0,
        "images: 2 downloaded (decoded, 16x16; no hash is known), 0 already present\n",
    )
    result = run("images", data, *options, "--verify")
    assert result.stdout == "images: 0 downloaded, 2 already present\n"


def test_missing_images_make_the_exit_status_1(host, sources, data):
    serve_images(host, [1])
    result = run("images", data, "--source", host.url("/{id}.png"), "--ids", "1-2")
    assert result.exit_code == 1
    assert "1 failed (1 not found), see" in result.stdout
    assert result.stdout.count("\n") == 1


def test_one_kind_of_labels_can_be_downloaded(host, sources, data):
    sources(manual_masks=("m.zip", packed({"a/00001.png": picture(1)}), "files = 1\n"))
    result = run("labels", data, "--only", "manual")
    assert result.stdout == "manual-masks: 1 downloaded and verified, 0 already present\n"
    assert (data / "manual_wrinkle_masks" / "00001.png").exists()


def test_a_failed_part_does_not_stop_the_others(host, sources, data, tmp_path, monkeypatch):
    monkeypatch.setenv("FFHQ_WRINKLE_CACHE", str(tmp_path / "cache"))
    archive = packed({"a/00001.png": picture(1)})
    weights = f'sha256 = "{hashlib.sha256(b"weights").hexdigest()}"\n'
    sources(
        manual_masks=("m.zip", archive, "files = 1\n"),
        weak_masks=("w.zip", archive, "files = 1\n"),
        face_parsed_labels=("p.zip", packed({"a/00001.npy": b"x"}), "files = 1\n"),
        checkpoints=("c.zip", packed({"a/b/c.pth": b"x"}), ""),
        bisenet=("79999_iter.pth", b"weights", weights),
        ffhq_metadata=("ffhq-dataset-v2.json", b'{"5": {}}', ""),
        aging_labels=("ffhq_aging_labels.csv", b"image_number,age_group\n", ""),
    )
    serve_images(host, [1])
    host.schedule["/m.zip"] = ["quota"]
    result = run("all", data, "--source", host.url("/{id}.png"), "--ids", "1")
    assert result.exit_code == 1
    assert "1 quota" in result.output
    assert "images: 1 downloaded" in result.output
    assert "weights: 1 downloaded" in result.output
    assert "aging-labels: 1 downloaded" in result.output
    assert "image 00005 lacks" in result.output
    files = set(files_of(data))
    assert {
        place("00001"), "weak_wrinkle_masks/00000/00001.png", "face_parsed_labels/00001.npy",
        "checkpoints/b/c.pth", "ffhq_aging_labels.csv", "LICENSE.txt", "download.csv",
    } <= files  # fmt: skip
    assert (tmp_path / "cache" / "79999_iter.pth").read_bytes() == b"weights"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["images", "--source", "nowhere"], "neither huggingface, nor drive"),
        (["images", "--source", "drive"], "download metadata first"),
        (["images", "--ids", "portrait"], "not an FFHQ id"),
        (["images", "--ids", "../1"], "not an image id"),
        (["images", "--cookies", __file__], "cookies in Netscape's format"),
    ],
)
def test_wrong_values_are_reported_in_one_line(sources, data, arguments, said):
    result = run(arguments[0], data, *arguments[1:])
    assert (result.exit_code, result.stderr.count("Error:")) == (2, 1)
    assert said in result.output


@pytest.mark.parametrize(
    "arguments", [["everything"], ["images", "--only", "weak"], ["images", "--jobs", "0"]]
)
def test_wrong_usage_has_exit_status_2(data, arguments):
    assert run(arguments[0], data, *arguments[1:]).exit_code == 2


def test_a_file_in_the_place_of_the_folder_is_refused(sources, tmp_path):
    (tmp_path / "file").write_text("mine")
    assert run("images", tmp_path / "file").exit_code == 2
    result = run("images", tmp_path / "file" / "deep", "--ids", "1")
    assert (result.exit_code, result.output.count("\n")) == (1, 1)


def test_a_table_with_other_columns_is_refused(sources, data):
    data.mkdir()
    (data / "download.csv").write_text("name,price\nbread,3\n")
    result = run("images", data, "--ids", "1")
    assert result.exit_code == 1
    assert "is not a table of downloads" in result.output
    assert (data / "download.csv").read_text() == "name,price\nbread,3\n"
