import pytest

from tests.helpers.browsers import chromium
from tests.helpers.reviews import A, B, C


@pytest.fixture(scope="module")
def browser():
    with chromium() as running:
        yield running


@pytest.fixture
def folders(annotate):
    """One image of three annotators."""
    return annotate({"A": {"00007": A}, "B": {"00007": B}, "C": {"00007": C}})


@pytest.fixture
def out(tmp_path):
    return tmp_path / "out"
