"""Commands without a network: they end at once, and say what is missing and what to do."""

import socket
import time

import pytest

# Loaded first, because that takes time, too: what the commands load before they connect.
from ffhq_wrinkle.api import datasets, weak_masks, wrinkles  # noqa: F401
from tests.helpers.commands import run
from tests.helpers.downloads import packed, picture

AT_MOST_S = 5.0


@pytest.fixture(params=["refused", "unresolved"])
def offline(request, sources, host, tmp_path, monkeypatch):
    """A table of sources none of whose hosts can be reached."""
    archive = packed({"a/00001.png": picture(1)})
    names = ("ffhq_metadata", "manual_masks", "weak_masks", "face_parsed_labels", "checkpoints")
    sources(
        **{name: (f"{name}.zip", archive, "") for name in names},
        aging_labels=("aging.csv", b"x", ""),
        **{
            name: (f"{name}.pth", b"x", f'sha256 = "{"0" * 64}"\n') for name in ("bisenet", "yunet")
        },
    )
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("FFHQ_WRINKLE_CACHE", str(tmp_path / "cache"))
    there = host.url()
    if request.param == "refused":
        with socket.create_server(("127.0.0.1", 0)) as server:
            nowhere = f"http://127.0.0.1:{server.getsockname()[1]}"
    else:
        nowhere = "http://no-such-host.invalid"
    table = tmp_path / "sources.toml"
    table.write_text(table.read_text().replace(there, nowhere))
    monkeypatch.setenv("HF_ENDPOINT", nowhere)
    return tmp_path


def timed(*arguments):
    start = time.monotonic()
    result = run(*arguments)
    assert time.monotonic() - start < AT_MOST_S
    assert "no connection" in result.output
    return result


def test_download_all_names_each_part_and_how_to_bring_it(offline):
    result = timed("download", "all", offline / "ffhq", "--ids", "1-20")
    assert result.exit_code == 1
    lines = result.stdout.splitlines()
    assert [line.partition(":")[0] for line in lines] == [
        "ffhq-metadata", "images", "manual-masks", "weak-masks", "face-parsed-labels", "weights",
        "checkpoints", "aging-labels",
    ]  # fmt: skip
    data, cache = offline / "ffhq", offline / "cache"
    for line in lines:
        assert "a different --source, such as a folder" in line or "To bring it by hand" in line
    assert f"put manual_masks.zip into {data} and run again" in lines[2]
    assert f"put bisenet.pth into {cache}" in lines[5]


def test_an_official_checkpoint_names_its_file_and_folder(offline):
    (offline / "photos").mkdir()
    result = timed("predict", offline / "photos", offline / "out", "--checkpoint", "official-unet")
    assert result.exit_code == 1
    folder = offline / "cache/official/checkpoints/stage2_wrinkle_finetune_unet"
    assert f"Put stage2_unet.pth into {folder}" in result.output


def test_a_parser_s_weights_name_their_file_and_folder(offline, dataset):
    result = timed("build-weak", dataset.images, offline / "out", "--parser", "bisenet")
    assert result.exit_code == 1
    assert f"Put bisenet.pth into {offline / 'cache'}" in result.output


def test_an_archive_that_was_brought_by_hand_is_unpacked(offline):
    data = offline / "ffhq"
    data.mkdir()
    (data / "manual_masks.zip").write_bytes(packed({"a/00001.png": picture(1)}))
    result = run("download", "labels", data, "--only", "manual")
    assert result.exit_code == 0, result.output
    assert (data / "manual_wrinkle_masks" / "00001.png").exists()
