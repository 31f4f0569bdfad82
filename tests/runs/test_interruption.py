"""Ctrl-C held back until a run has recorded how far it came."""

import pytest

from ffhq_wrinkle.errors import RunInterrupted
from ffhq_wrinkle.runs.interruption import Interruption


def test_ctrl_c_is_raised_with_the_summary_after_the_block():
    with Interruption() as interruption:
        raise KeyboardInterrupt
    with pytest.raises(RunInterrupted) as raised:
        interruption.raise_with("3 of 5 done")
    assert raised.value.summary == "3 of 5 done"


def test_without_ctrl_c_nothing_is_raised():
    with Interruption() as interruption:
        pass
    interruption.raise_with("all done")


def test_errors_are_not_held_back():
    with pytest.raises(ValueError, match="a bug"), Interruption():
        raise ValueError("a bug")
