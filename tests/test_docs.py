"""README's commands and code, run as they are written, on drawn faces."""

import re
import shlex
import shutil

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from ffhq_wrinkle.cli import main
from ffhq_wrinkle.segmentation.checkpoints.checkpoint import save_checkpoint
from ffhq_wrinkle.weak_labels.texture import TextureSettings
from tests.helpers import ROOT
from tests.helpers.faces import drawn_lines
from tests.helpers.networks import FEATURES, threshold_unet

README = (ROOT / "README.md").read_text()


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def commands():
    for block in blocks("sh"):
        for line in block.splitlines():
            command = line.split("#")[0].strip()
            if command.startswith("ffhq-wrinkle "):
                yield command


def test_readme_has_commands_to_run():
    assert len(list(commands())) >= 4


@pytest.mark.parametrize("command", list(commands()))
def test_readme_s_commands_run(command, dataset, tmp_path, monkeypatch, site):
    shutil.copytree(dataset.images, tmp_path / "ffhq" / "images1024x1024")
    (tmp_path / "photos").mkdir()
    shutil.copy(dataset.image_path("00001"), tmp_path / "photos" / "face.png")
    shutil.copytree(dataset.labels, tmp_path / "maps")
    shutil.copy(dataset.labels / "00001.npy", tmp_path / "maps" / "face.npy")
    for seed, name in enumerate(("anna", "ben", "chris")):
        (tmp_path / "ann" / name).mkdir(parents=True)
        lines = drawn_lines((128, 128), seed, lines=9) * np.uint8(255)
        Image.fromarray(lines).save(tmp_path / "ann" / name / "face.png")
    for seed, folder in enumerate(("ffhq/manual_wrinkle_masks", "unet", "swin")):
        (tmp_path / folder).mkdir(parents=True)
        for image_id in dataset.ids:
            lines = drawn_lines((128, 128), [int(image_id), seed], lines=9) * np.uint8(255)
            Image.fromarray(lines).save(tmp_path / folder / f"{image_id}.png")
    for folder, kind in (("images", dataset.images), ("masks", tmp_path / "unet")):
        (tmp_path / "mine" / folder).mkdir(parents=True)
        for image_id in dataset.ids:
            path = next(kind.rglob(f"{image_id}.png"))
            shutil.copy(path, tmp_path / "mine" / folder)
    rows = [f"{number},20-29,male" for number in range(9)]
    labels = "\n".join(["image_number,age_group,gender", *rows])
    (tmp_path / "ffhq" / "ffhq_aging_labels.csv").write_text(labels)
    texture = TextureSettings()
    save_checkpoint(tmp_path / "best.pt", threshold_unet(), "unet", texture=texture, side=128)
    monkeypatch.chdir(tmp_path)
    # No weights are fetched here: the face mesh takes the place of BiSeNet.
    table = tmp_path / "sources.toml"
    address = f'url = "{site.url("/none.pth")}"\nsha256 = "{64 * "0"}"'
    table.write_text(f'[bisenet]\ntitle = "T"\nfile = "79999_iter.pth"\n{address}')
    monkeypatch.setenv("FFHQ_WRINKLE_SOURCES", str(table))
    monkeypatch.setenv("FFHQ_WRINKLE_CACHE", str(tmp_path / "cache"))
    if "ffhq-wrinkle-demo/" in command:  # of the lines that follow `demo`
        assert CliRunner().invoke(main, ["demo"]).exit_code == 0
    arguments = shlex.split(command)[1:]
    if arguments[0] == "train":
        arguments += ["--features", str(FEATURES)]  # a small network is faster
        if "--epochs" not in arguments:
            arguments += ["--epochs", "1", "--size", "32", "--batch-size", "2"]
    result = CliRunner().invoke(main, arguments)
    if command.startswith("ffhq-wrinkle download") and "--help" not in command:
        assert result.exit_code == 1  # the table of sources above has nothing of it
        assert "lacks [" in result.output
    elif "official-unet" in command:
        assert result.exit_code == 1
        assert "Put stage2_unet.pth into" in result.output
    else:
        assert result.exit_code == 0, result.output


def test_readme_s_code_runs(dataset, tmp_path, monkeypatch):
    shutil.copy(dataset.image_path("00001"), tmp_path / "face.png")
    masks = [drawn_lines((128, 128), seed, lines=9) for seed in range(3)]
    for name, mask in zip(("anna", "ben", "chris"), masks, strict=True):
        Image.fromarray(mask).save(tmp_path / f"{name}.png")
    monkeypatch.chdir(tmp_path)
    (code,) = blocks("python")
    names = {}
    exec(code, names)
    assert names["texture"].shape == (128, 128)
    assert names["texture"].dtype == np.uint8
    assert sum(mask.numel() for mask in names["network"].parameters()) == 17_263_618
    assert np.array_equal(names["fused"] == 255, np.sum(masks, axis=0) >= 2)
