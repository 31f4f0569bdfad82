"""Two runs that make the weak masks of one data set at once, as real processes."""

import logging
import os
import sys

import numpy as np
import pytest
from PIL import Image

from tests.helpers import ROOT
from tests.helpers.processes import kill, start, wait_for
from tests.helpers.training_data import completed

CODE = """
import logging, sys, time
from pathlib import Path
import numpy as np
from ffhq_wrinkle.faces.labels import FaceParser
from tests.helpers.training_data import completed

class Slow(FaceParser):
    name = note = "slow"

    def prepare(self, image, image_id):
        while image_id > "00003" and not (Path(sys.argv[1]) / "go").exists():
            time.sleep(0.02)
        return np.ones((512, 512), np.uint8)

logging.basicConfig(level=logging.INFO, format="%(message)s")
listing = completed(Path(sys.argv[1]), "pretrain", Slow)
print(sum(sample.weak.exists() for sample in listing.samples))
"""


@pytest.fixture
def data(tmp_path):
    """Twelve photographs without masks."""
    folder = tmp_path / "data" / "images"
    folder.mkdir(parents=True)
    for number in range(12):
        photo = np.random.default_rng(number).integers(0, 256, (32, 32, 3), np.uint8)
        Image.fromarray(photo).save(folder / f"{number:05d}.png")
    return folder.parent


def begin(data):
    return start(
        data,
        command=(sys.executable, "-c", f"import sys; sys.path.insert(0, {str(ROOT)!r})\n{CODE}"),
    )


def weak_masks(data):
    return list(data.rglob("weak/**/[0-9]*.png"))


def two_at_once(data):
    """Two processes, of which the first has made a few weak masks, and the second waits."""
    first = begin(data)
    wait_for(lambda: weak_masks(data), first)
    second = begin(data)
    assert "another run is writing to" in second.stderr.readline()
    return first, second


def test_the_second_waits_and_uses_the_weak_masks_of_the_first(data):
    first, second = two_at_once(data)
    (data / "go").touch()
    for process, said in ((first, "made 12 weak masks"), (second, "12 weak masks reused")):
        stdout, stderr = process.communicate(timeout=60)
        assert (process.returncode, stdout) == (0, "12\n"), stderr
        assert said in stderr
    assert len(weak_masks(data)) == 12


def test_the_second_goes_on_if_the_first_is_killed(data):
    first, second = two_at_once(data)
    kill(first)
    (data / "go").touch()
    stdout, stderr = second.communicate(timeout=60)
    assert (second.returncode, stdout) == (0, "12\n"), stderr
    assert "weak masks reused" in stderr


@pytest.mark.parametrize("folder", ["weak", "face_masks"])
@pytest.mark.parametrize("damage", [b"", b"not a PNG", None])
def test_damaged_files_of_the_cache_are_made_again(plain, parser, folder, damage, caplog):
    caplog.set_level(logging.INFO)
    completed(plain, "finetune", parser)
    (damaged,) = plain.rglob(f"{folder}/**/00001.png")
    whole = damaged.read_bytes()
    damaged.write_bytes(whole[:-20] if damage is None else damage)
    listing = completed(plain, "finetune", parser)
    assert len(listing.samples) == 4
    assert damaged.read_bytes() == whole
    assert "damaged weak masks or face masks of" in caplog.text
    caplog.clear()
    completed(plain, "finetune", parser)
    assert "were damaged" not in caplog.text


def test_a_file_that_changed_and_is_whole_is_read_once_and_recorded(plain, parser):
    completed(plain, "finetune", parser)
    (table,) = plain.rglob("results.csv")
    before = table.read_bytes()
    (weak,) = plain.rglob("weak/**/00001.png")
    os.utime(weak, ns=(0, weak.stat().st_mtime_ns + 1_000_000_000))
    completed(plain, "finetune", parser)
    assert table.read_bytes() != before
    assert f":{weak.stat().st_mtime_ns}" in table.read_text()
