"""What `train` shows on the terminal and in pictures."""

import io
import logging
import re

import numpy as np
from PIL import Image

from ffhq_wrinkle.runs import progress
from ffhq_wrinkle.segmentation.training.curves import curves
from ffhq_wrinkle.segmentation.training.sheets import finetune_row, pretrain_row
from ffhq_wrinkle.segmentation.training.training import TrainReport
from tests.helpers.tables import rows_of
from tests.helpers.training import RECIPE, run


def test_each_validation_is_a_line_with_loss_jsi_and_f1(data, tmp_path, caplog, monkeypatch):
    monkeypatch.setattr(progress, "SECONDS_BETWEEN_LINES", 0.0)
    caplog.set_level(logging.INFO, "ffhq_wrinkle")
    recipe = RECIPE.replace("epochs = 2", "epochs = 3\nvalidate_every = 2")
    report = run(data, tmp_path / "run", recipe)
    lines = [line for line in caplog.messages if line.startswith("finetune, epoch")]
    rows = rows_of(tmp_path / "run" / "finetune" / "metrics.csv")
    assert len(lines) == len(rows) == 3
    for line, row in zip(lines, rows, strict=True):
        losses = re.search(r"training loss ([\d.]+)", line)
        assert float(losses[1]) == round(float(row["train_loss"]), 4)
        validated = re.search(r"validation loss (\S+), JSI (\S+), F1 (\S+)$", line)
        assert bool(validated) == bool(row["val_loss"])
        if validated:
            expected = [float(row[name]) for name in ("val_loss", "val_jsi", "val_f1")]
            assert [float(value) for value in validated.groups()] == [round(v, 4) for v in expected]
    (line,) = (line for line in caplog.messages if line.startswith("pretrain, epoch"))
    assert re.search(r"epoch 1 of 1: training loss \S+; validation loss [\d.]+$", line)
    assert re.search(
        r"finetune: 1 of 6, [\d.]+ steps/s, [\d:]+ left$", "\n".join(caplog.messages), re.M
    )
    assert "the test part has 1 image; scores of fewer than 10 images" in caplog.text
    assert "finetune takes 6 steps; fewer than 100" in caplog.text  # 10 images by 4, 3 epochs
    best = tmp_path / "run" / "finetune" / "best.pt"
    last = report.summary().splitlines()[-1]
    assert last == f"Next: ffhq-wrinkle predict PHOTOS OUT --checkpoint {best}"
    titles = [title for title, _ in report.pictures()]
    assert titles[:2] == ["pretrain, curves", "pretrain, epoch 0001"]


def test_a_pretrained_network_is_to_be_finetuned_next(tmp_path):
    report = TrainReport({"pretrain": tmp_path / "my run" / "best.pt"})
    expected = f"--stage finetune --init '{tmp_path}/my run/best.pt'"
    assert report.summary().splitlines()[-1].endswith(expected)


def test_curves_have_a_panel_of_losses_and_in_finetuning_one_of_scores():
    rows = [
        {"epoch": 1, "train_loss": 0.9, "val_loss": 0.8, "val_jsi": 0.1, "val_f1": 0.2},
        {"epoch": 2, "train_loss": 0.7},
        {"epoch": 3, "train_loss": 0.6, "val_loss": 0.7, "val_jsi": 0.2, "val_f1": float("nan")},
    ]
    widths = {}
    for stage in ("pretrain", "finetune"):
        with Image.open(io.BytesIO(curves(rows, stage))) as picture:
            widths[stage] = picture.width
    assert widths["finetune"] == 2 * widths["pretrain"]


def test_panels_of_sheets_are_labelled_and_show_their_images_below():
    """A label is a strip of light text on black above each picture."""
    image = np.full((40, 40, 3), 90, np.uint8)
    levels = np.full((40, 40), 10, np.uint8)
    for row, columns in (
        (pretrain_row(image, levels, levels), 3),
        (finetune_row(image, levels > 0, levels > 5), 2),
    ):
        width = row.shape[1] // columns
        label_height = row.shape[0] - (width - 4) // 40 * 40
        assert label_height > 10
        for panel in range(columns):
            label = row[:label_height, panel * width : (panel + 1) * width]
            assert label.max() > 100
            assert label.min() == 0
        assert (row[-1, 5] == 90).all()  # the image itself, in the first panel
