import subprocess

import pytest

from tests.helpers.processes import COMMAND
from tests.helpers.training import RECIPE
from tests.helpers.training_data import with_human_masks


@pytest.fixture
def arguments(data, tmp_path):
    """Return the arguments of the command that trains a small recipe in a folder."""

    def of(folder, *options, recipe=RECIPE):
        (tmp_path / "small.toml").write_text(recipe)
        fixed = ["--parser", "labels", "--accelerator", "cpu", "--workers", "0"]
        command = ["train", tmp_path / "small.toml", data.root, folder, *fixed, *options]
        return [str(part) for part in command]

    return of


@pytest.fixture
def start(arguments):
    def begin(folder, *options, command=COMMAND, recipe=RECIPE):
        return subprocess.Popen(
            [*command, *arguments(folder, *options, recipe=recipe)],
            stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip

    return begin


@pytest.fixture
def data(make_dataset):
    """Twelve drawn faces of 32x32 with their forehead lines as masks."""
    dataset = make_dataset(range(12), side=32)
    return with_human_masks(dataset, dataset.ids)
