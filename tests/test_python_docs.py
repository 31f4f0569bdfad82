"""The code of docs/python.md, run as it is written, on drawn faces."""

import re
import shutil

import numpy as np
from PIL import Image

from tests.helpers import ROOT
from tests.helpers.faces import drawn_face, drawn_lines

PAGE = (ROOT / "docs" / "python.md").read_text()


def test_the_examples_of_the_page_run_in_their_order(tmp_path, monkeypatch):
    names = ["face", "other", *(f"p{number}" for number in range(8))]
    for folder in ("photos", "pairs/images", "pairs/masks", "ann/anna", "ann/ben", "ann/chris"):
        (tmp_path / folder).mkdir(parents=True)
    for seed, name in enumerate(names):
        face, _ = drawn_face(128, seed)
        Image.fromarray(face).save(tmp_path / "photos" / f"{name}.png")
        for number, annotator in enumerate(("anna", "ben", "chris")):
            lines = drawn_lines((128, 128), [seed, number], lines=9) | drawn_lines((128, 128), seed)
            Image.fromarray(lines).save(tmp_path / "ann" / annotator / f"{name}.png")
    for name in ("face", "other"):
        shutil.copy(tmp_path / "photos" / f"{name}.png", tmp_path / f"{name}.png")
    shutil.copytree(tmp_path / "photos", tmp_path / "pairs" / "images", dirs_exist_ok=True)
    shutil.copytree(tmp_path / "ann" / "anna", tmp_path / "pairs" / "masks", dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)

    blocks = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    assert len(blocks) >= 10
    found = {}
    for block in blocks:
        exec(block, found)
    assert found["texture"].shape == found["weak"].shape == found["fused"].shape == (128, 128)
    anna, ben, chris = found["masks"]
    np.testing.assert_array_equal(found["fused"] == 255, anna.astype(int) + ben + chris >= 2)
    assert len(found["jaccard"]) == 1
    assert found["wrinkles"].mask.shape == (128, 128)
    assert len(found["both"]) == 2
    assert found["runs"].cells or found["runs"].apart
    assert len(found["drawn"].ids) == 2
    assert found["table"].measure.iloc[0] == "jsi"
