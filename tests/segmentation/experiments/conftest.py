"""Runs are made up: their settings, tables and checkpoints, without training."""

import pytest

from tests.helpers.experiments import write_run


@pytest.fixture
def make_run(tmp_path):
    """Write a folder of this name as `train` leaves it."""
    return lambda name, *arguments, **options: write_run(tmp_path / name, *arguments, **options)
