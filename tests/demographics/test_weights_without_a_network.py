"""DeepFace's weights without a network, and runs of `--race` that made nothing."""

import time

import numpy as np
import pytest
from PIL import Image

from ffhq_wrinkle.demographics.race_model import RaceModel
from ffhq_wrinkle.errors import SourceError
from tests.helpers.commands import run
from tests.helpers.race_stand_in import PLACE, weights_at, write_stand_in

pytest.importorskip("deepface")
NOWHERE = "http://127.0.0.1:9/race_model_single_batch.onnx"  # the port "discard": nobody listens


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("DEEPFACE_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def test_an_unreachable_host_is_named_at_once_and_nothing_is_left(home):
    before = time.monotonic()
    with weights_at(NOWHERE), pytest.raises(SourceError) as caught:
        RaceModel()
    assert time.monotonic() - before < 30  # most of it loads DeepFace
    assert str(caught.value).startswith(
        "DeepFace's weights cannot be downloaded: 127.0.0.1 cannot be reached: "
    )
    assert f"into {(home / PLACE).parent}, or set DEEPFACE_HOME" in str(caught.value)
    assert not home.exists()


def test_a_second_address_that_can_be_reached_is_tried(home, site, tmp_path):
    site.pages["/race.onnx"] = write_stand_in(tmp_path / "elsewhere").read_bytes()
    with weights_at(site.url("/none.onnx"), NOWHERE), pytest.raises(SourceError) as caught:
        RaceModel()
    assert "cannot be downloaded. Put race_model" in str(caught.value)
    assert "127.0.0.1 cannot be reached" not in str(caught.value)


@pytest.mark.parametrize("keep", [(), ("--keep-individual",)], ids=["totals", "individual"])
@pytest.mark.parametrize("corrected", [(), ("--align",)], ids=["as before", "aligned"])
def test_a_run_that_made_nothing_does_not_refuse_the_corrected_command(
    home, tmp_path, astronaut, keep, corrected
):
    write_stand_in(home)
    photos = tmp_path / "photos"
    photos.mkdir()
    for number in range(10):
        (photos / f"{number:05d}.png").write_text("not an image")
    command = ("demographics", photos, "--race", "--out", tmp_path / "who", *keep)
    assert run(*command).exit_code == 2
    for number in range(10):
        Image.fromarray(astronaut).save(photos / f"{number:05d}.png")
    result = run(*command, *corrected)
    assert result.exit_code == 0, result.output
    assert not (tmp_path / "who" / "failures.csv").exists()
    if keep:
        rows = (tmp_path / "who" / "race.csv").read_text().splitlines()
        assert len(rows) == 11
        assert np.all([("face mesh" in row) == bool(corrected) for row in rows[1:]])
