import pytest

from tests.helpers.faces import drawn_lines
from tests.helpers.fusion import SHAPE


@pytest.fixture
def drawn():
    """Six images by three annotators who agree on some lines."""
    masks = {}
    for seed, name in enumerate("ABC"):
        masks[name] = {
            f"{number:05d}": drawn_lines(SHAPE, [number, 9]) ^ drawn_lines(SHAPE, [number, seed])
            for number in (0, 1, 2, 999, 1000, 1001)
        }
    return masks


@pytest.fixture
def folders(annotate, drawn):
    return annotate(drawn)


@pytest.fixture
def out(tmp_path):
    return tmp_path / "out"
