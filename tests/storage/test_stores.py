"""Folders in object stores: an S3 server on loopback, fsspec's own store in memory, real kills."""

import json
import time
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from PIL import Image

from ffhq_wrinkle import __version__
from ffhq_wrinkle.dataset.layout import find_images
from ffhq_wrinkle.errors import ArgumentError, ImageError, OutputError
from ffhq_wrinkle.images.photographs import read_image
from ffhq_wrinkle.results.outputs import OutputFolder
from ffhq_wrinkle.results.result_files import State
from ffhq_wrinkle.segmentation.checkpoints.checkpoint import save_checkpoint
from ffhq_wrinkle.storage.places import entries, get, parse_place
from ffhq_wrinkle.weak_labels.texture import TextureSettings
from tests.helpers.commands import run
from tests.helpers.faces import drawn_face
from tests.helpers.files import files_of, is_table_of_inputs
from tests.helpers.networks import threshold_unet
from tests.helpers.processes import kill, run_after, start, wait_for, without_module, workers_below

NEEDS_DASK = pytest.mark.skipif(not find_spec("distributed"), reason="needs the extra dask")
LOCK = ".build.json.lock"


@pytest.fixture
def memory():
    """The address of a folder in fsspec's store in memory, which is empty."""
    fsspec = pytest.importorskip("fsspec")
    store = fsspec.filesystem("memory").store
    store.clear()
    yield "memory://bucket/folder"
    store.clear()


def test_weak_masks_in_a_bucket_are_those_on_a_disk(bucket, dataset, tmp_path):
    dataset.image_path("00002").write_bytes(b"not an image")
    bucket.upload(dataset.root, "ffhq")
    parser = ["--parser", "labels", "--labels"]
    on_disk = run(
        *("build-weak", dataset.images, tmp_path / "weak", *parser, dataset.labels),
        *("--save-labels", tmp_path / "labels", "--save-masked-images", tmp_path / "masked"),
    )
    in_store = run(
        *("build-weak", bucket.url("ffhq"), bucket.url("weak"), *parser),
        bucket.url("ffhq/face_parsed_labels"),
        *("--save-labels", bucket.url("labels"), "--save-masked-images", bucket.url("masked")),
    )
    assert on_disk.exit_code == in_store.exit_code == 1, in_store.output
    assert "5 weak masks written, 0 existed already, 1 failed" in in_store.output
    for folder in ("weak", "labels", "masked"):
        expected = files_of(tmp_path / folder)
        expected.pop("build.json")  # which tells where the label maps are
        made = bucket.files(folder)
        record = json.loads(made.pop("build.json"))
        assert record["counts"] == {"results": 5, "failed": int(folder == "weak")}
        assert made == expected
    assert record["settings"]["labels"] == bucket.url("ffhq/face_parsed_labels")
    bucket.put("ffhq/images1024x1024/00000/00002.png", bucket.get("masked/00001.png"))
    again = run(
        *("build-weak", bucket.url("ffhq"), bucket.url("weak"), *parser),
        bucket.url("ffhq/face_parsed_labels"),
    )
    assert again.exit_code == 0, again.output
    assert "1 weak mask written, 5 existed already" in again.output
    assert "weak/failures.csv" not in bucket.names()


def test_predictions_in_a_store_are_those_on_a_disk(memory, dataset, tmp_path):
    checkpoint = tmp_path / "net.pt"
    save_checkpoint(checkpoint, threshold_unet(), "unet", texture=TextureSettings(), side=128)
    options = ["--checkpoint", checkpoint, "--parser", "mesh", "--probabilities", "npy"]
    out = f"{memory}/predictions"
    on_disk = run("predict", dataset.images, tmp_path / "here", *options, "--ids", "0-2")
    store = parse_place(memory)
    for name, content in files_of(dataset.images).items():
        store.fs.pipe_file(f"{store.path}/images/{name}", content)
    in_store = run("predict", f"{memory}/images", out, *options, "--ids", "0-2")
    assert on_disk.exit_code == in_store.exit_code == 0, in_store.output

    def made():
        return {
            name.removeprefix(f"{parse_place(out).path}/"): store.fs.cat_file(name)
            for name in store.fs.find(parse_place(out).path)
            if not is_table_of_inputs(name.rpartition("/")[2])
        }

    assert made() == files_of(tmp_path / "here")
    assert len(made()) == 3 * 3 + 2
    corrected = b"\x89PNG\r\n\x1a\n of somebody \x00\x00\x00\x00IEND\xaeB`\x82"
    store.fs.pipe_file(f"{parse_place(out).path}/masks/00001.png", corrected)
    more = run("predict", f"{memory}/images", out, *options)
    assert more.exit_code == 0, more.output
    assert "3 predictions written, 3 existed already" in more.output
    assert made()["masks/00001.png"] == corrected
    table = made()["wrinkles.csv"].decode().splitlines()
    assert [row.split(",")[0] for row in table[1:]] == ["00000", "00002", "00999", "01000", "01001"]


def test_sets_in_a_bucket_are_described_as_on_a_disk(bucket, dataset, tmp_path, stand_in):
    table = "image_number,age_group,gender\n0,20-29,female\n1,3-6,male\n1000,40-49,female\n"
    (dataset.root / "ffhq_aging_labels.csv").write_text(table)
    dataset.image_path("00002").write_bytes(b"not an image")
    bucket.upload(dataset.root, "ffhq")
    fixed = ["--race", "--keep-individual", "--out"]
    on_disk = run("demographics", dataset.root, *fixed, tmp_path / "who")
    for _ in range(2):  # the second time all estimates are there
        in_store = run("demographics", bucket.url("ffhq"), *fixed, bucket.url("who"))
        assert on_disk.exit_code == in_store.exit_code == 1, in_store.output
        expected, made = files_of(tmp_path / "who"), bucket.files("who")
        assert made.keys() == expected.keys() >= {"race.csv", "demographics.png", "failures.csv"}
        for name in ("race.csv", "demographics.csv", "failures.csv"):
            assert made[name] == expected[name]
        assert bucket.url("ffhq/ffhq_aging_labels.csv") in made["demographics.json"].decode()
    bucket.put("who/holiday.jpg", b"something else")
    refused = run("demographics", bucket.url("ffhq"), "--out", bucket.url("who"))
    assert "who holds other files, such as s3://" in refused.output
    drawn = run("sample", bucket.url("ffhq"), "--n", "6", "--by", "age")
    assert set(drawn.output.split()) >= {"00000", "00001", "00002", "00999", "01000", "01001"}


def test_a_killed_run_is_resumed_from_the_bucket(bucket, make_dataset, tmp_path, impatient):
    dataset = make_dataset(range(60), side=160)
    fixed = ["--parser", "labels", "--labels", dataset.labels, "--jobs", "2"]
    bucket.upload(dataset.images, "images")
    command = ["build-weak", bucket.url("images"), bucket.url("weak"), *fixed]
    process = start(*command)
    wait_for(lambda: len(bucket.names("weak/0")) >= 10, process)
    kill(process)
    left = bucket.names("weak/")
    assert f"weak/{LOCK}" in left
    assert "weak/build.json" not in left
    done = len(bucket.names("weak/0"))
    result = run(*command)
    assert result.exit_code == 0, result.output
    assert f"{60 - done} weak masks written, {done} existed already" in result.output
    run("build-weak", dataset.images, tmp_path / "straight", *fixed)
    assert bucket.files("weak") == files_of(tmp_path / "straight")


@NEEDS_DASK
def test_a_worker_killed_in_the_middle_costs_a_retry_and_not_the_run(
    bucket, make_dataset, tmp_path
):
    dataset = make_dataset(range(80), side=160)
    bucket.upload(dataset.images, "images")
    process = start(
        *("build-weak", bucket.url("images"), bucket.url("weak")),
        *("--parser", "mesh", "--scheduler", "local:2"),
    )
    wait_for(lambda: len(bucket.names("weak/0")) >= 20, process)
    workers_below(process.pid)[0].kill()
    said, stderr = process.communicate(timeout=60)
    assert process.returncode == 0, stderr
    assert "80 weak masks written" in said
    run("build-weak", dataset.images, tmp_path / "straight", "--parser", "mesh")
    assert bucket.files("weak") == files_of(tmp_path / "straight")


PIXELS = np.arange(12, dtype=np.uint8).reshape(3, 4)


def opened(place, *, overwrite=False, sigma=5):
    return OutputFolder(place, {"sigma": sigma}, note="a note", overwrite=overwrite)


def test_a_resumed_overwrite_knows_the_results_it_has_yet_to_replace(bucket):
    place = parse_place(bucket.url("out"))
    with opened(place) as out:
        out.begin()
        for name in ("00000/a.png", "00000/b.png"):
            out.write(name, PIXELS)
        out.finish({})
    time.sleep(1.1)  # S3 tells whole seconds
    with opened(place, overwrite=True, sigma=7) as out:
        out.begin()
        time.sleep(1.1)
        out.write("00000/a.png", PIXELS)
    with opened(place, sigma=7) as out:
        out.begin()
        assert out.state("00000/a.png") is State.OURS
        assert out.state("00000/b.png") is State.STALE
        out.write("00000/b.png", PIXELS)
        out.finish({})
    with pytest.raises(OutputError, match="sigma 7 there and 5 now"), opened(place):
        pass
    assert json.loads(bucket.get("out/build.json"))["counts"]["results"] == 2
    assert bucket.names("out/.") == []


def test_the_record_names_the_versions_that_made_results(bucket, monkeypatch):
    place = parse_place(bucket.url("out"))
    for version, name in (("0.0.9", "a.png"), (__version__, "b.png")):
        monkeypatch.setattr("ffhq_wrinkle.results.outputs.__version__", version)
        with opened(place) as out:
            out.begin()
            out.write(name, PIXELS)
            out.finish({"version": version})
    assert json.loads(bucket.get("out/build.json"))["versions"] == ["0.0.9", __version__]


@pytest.mark.parametrize(
    "cluster", [[], pytest.param(["--scheduler", "local:1"], marks=NEEDS_DASK)]
)
def test_results_with_different_settings_are_replaced_on_request(
    bucket, dataset, tmp_path, cluster
):
    fixed = ["--parser", "mesh", "--sigma"]
    first = run("build-weak", dataset.images, bucket.url("weak"), *fixed, 4)
    assert first.exit_code == 0, first.output
    refused = run("build-weak", dataset.images, bucket.url("weak"), *fixed, 5)
    assert "sigma 4.0 there and 5.0 now" in refused.output
    replaced = run(
        "build-weak", dataset.images, bucket.url("weak"), *fixed, 5, "--overwrite", *cluster
    )
    assert replaced.exit_code == 0, replaced.output
    run("build-weak", dataset.images, tmp_path / "straight", *fixed, 5)
    assert bucket.files("weak") == files_of(tmp_path / "straight")


def test_files_of_another_origin_are_left_alone(memory):
    place = parse_place(memory)
    place.fs.pipe_file(f"{place.path}/00000/00001.png", b"somebody's")
    with pytest.raises(OutputError, match=r"did not make, such as 00000/00001.png"), opened(place):
        pass
    assert entries(place / "00000")[0].name == "00001.png"
    assert not place.fs.exists(f"{place.path}/{LOCK}")


def test_images_are_found_as_on_a_disk(memory):
    place = parse_place(memory)
    names = ["00000/00001.png", "01000/01001.JPG", "portrait.webp", "notes.txt", ".hidden.png"]
    names += ["other/00002.png", "00000/deeper/00003.png", "photo.heic"]
    for name in names:
        place.fs.pipe_file(f"{place.path}/{name}", b"")
    paths = {image_id: file.path for image_id, file in find_images(place).items()}
    assert paths == {
        "00001": "00000/00001.png",
        "01001": "01000/01001.JPG",
        "photo": "photo.heic",
        "portrait": "portrait.webp",
    }


def test_files_that_are_not_images_are_reported_as_on_a_disk(bucket, tmp_path, monkeypatch):
    Image.fromarray(PIXELS).save(tmp_path / "gray.png")
    bucket.upload(tmp_path, "images")
    bucket.put("images/empty.png", b"")
    folder = parse_place(bucket.url("images"))
    assert_array_equal(read_image(folder / "gray.png")[:, :, 0], PIXELS)
    with pytest.raises(ImageError, match="not an image"):
        read_image(folder / "empty.png")
    with pytest.raises(ImageError, match="no such file"):
        read_image(folder / "absent.png")
    with pytest.raises(ImageError, match="CR2 files are not read"):
        read_image(folder / "photo.cr2")
    monkeypatch.setattr("ffhq_wrinkle.images.opening.MAX_BYTES", 20)
    with pytest.raises(ImageError, match="larger than 20 bytes"):
        read_image(folder / "gray.png")
    assert len(get(folder / "gray.png", most=21)) == 21


def test_a_place_that_cannot_be_reached_is_reported_in_one_line(bucket, dataset, monkeypatch):
    weak = ["--parser", "mesh"]
    bucket.upload(dataset.images, "images")
    images = bucket.url("images")
    for places, code, message in (
        (["s3://nosuchbucket/x", bucket.url("out")], 2, "s3://nosuchbucket/x has no images"),
        ([images, "s3://nosuchbucket/x"], 1, "The specified bucket does not exist"),
        ([images, images], 2, "overlap; results need a folder of their own"),
        (["http://127.0.0.1/faces", bucket.url("out")], 2, "web pages cannot be listed"),
        (["s3://", bucket.url("out")], 2, "s3:// does not name a bucket"),
        (["nonsense://a/b", bucket.url("out")], 2, "the protocol nonsense:// is not supported"),
    ):
        result = run("build-weak", *places, *weak)
        assert (result.exit_code, message in result.output) == (code, True), result.output
        assert "Traceback" not in result.output
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    process = start("build-weak", images, bucket.url("out"), *weak)
    _, said = process.communicate(timeout=120)
    assert process.returncode == 2
    assert said.startswith(f"Error: {images} cannot be read: ")
    assert len(said.splitlines()) == 1


def test_a_store_that_refuses_in_the_middle_ends_the_run(bucket, make_dataset):
    """A bucket whose policy changes, a quota that is full: here it is removed."""
    dataset = make_dataset(range(200), side=128)
    out = type(bucket)(bucket.client)
    process = start("build-weak", dataset.images, out.url("weak"), "--parser", "mesh")
    wait_for(lambda: len(out.names("weak/0")) >= 5, process)
    for _ in range(1000):  # until nothing comes in between
        for key in out.names():
            out.client.delete_object(Bucket=out.name, Key=key)
        try:
            out.client.delete_bucket(Bucket=out.name)
            break
        except out.client.exceptions.ClientError:
            continue
    _, said = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "Traceback" not in said
    assert f"Error: s3://{out.name}/weak/" in said
    assert "The specified bucket does not exist" in said.splitlines()[-1]


@pytest.mark.parametrize(
    ("address", "blocked", "advice"),
    [
        ("s3://faces/a", "s3fs", "pip install 'ffhq-wrinkle[s3]'"),
        ("s3://faces/a", "upath", "pip install 'ffhq-wrinkle[s3]'"),
        ("gs://faces/a", "gcsfs", "pip install 'ffhq-wrinkle[gs]'"),
    ],
)
def test_without_the_store_s_library_the_error_names_the_extra_to_install(
    address, blocked, advice, tmp_path
):
    said = run_after(without_module(blocked), "build-weak", address, tmp_path / "out")
    assert said.returncode == 2
    assert said.stderr.splitlines()[-1] == (
        f"Error: Invalid value for 'IMAGES': {address} needs a library: {advice}"
    )


def test_an_address_in_the_place_of_a_path_makes_no_folder_of_that_name(annotate, monkeypatch):
    folders = annotate({name: {"00001": np.ones((4, 4), bool)} for name in "ab"})
    monkeypatch.chdir(folders[0].parent)
    result = run("fuse-labels", *folders, "--out", "s3://faces/fused")
    assert result.exit_code == 2
    assert "s3://faces/fused is an address; this must be a path on this machine" in result.output
    assert not Path("s3:").exists()


def test_addresses_of_files_are_paths(tmp_path):
    assert parse_place(f"file://{tmp_path}/a%20b") == tmp_path / "a b"
    assert parse_place("faces") == Path("faces")
    with pytest.raises(ArgumentError, match="cannot be listed"):
        parse_place("https://example.org/faces")


def test_photographs_in_subfolders_of_a_store_have_their_path_as_id(memory):
    names = ("photos/s1/a.png", "photos/s2/left/b.png")
    store = parse_place(memory)
    for name in (*names, "photos/.cache/c.png", "photos/weak/d.png", "photos/weak/build.json"):
        (store / name).write_bytes(b"")
    assert list(find_images(store / "photos")) == ["s1/a", "s2/left/b"]
    for name in names:
        image = Image.fromarray(drawn_face(64, len(name))[0])
        with (store / name).open("wb") as file:
            image.save(file, format="PNG")
    arguments = ["build-weak", f"{memory}/photos", f"{memory}/weak", "--parser", "mesh"]
    assert "1 weak mask written" in run(*arguments, "--ids", "s1/a").output
    assert "1 weak mask written, 1 existed already" in run(*arguments).output
    record = json.loads(get(store / "weak" / "build.json"))
    assert (record["counts"]["results"], record["image_folders"]) == (2, ["s1", "s2"])
    assert get(store / "weak" / "s2" / "left" / "b.png").startswith(b"\x89PNG")
