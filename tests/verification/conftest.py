import pytest

from tests.helpers.published import PublishedData


@pytest.fixture(scope="session")
def original(tmp_path_factory):
    """The data set as it was published, and its figures."""
    data = PublishedData(tmp_path_factory.mktemp("published") / "root")
    return data.make(), data.figures()


@pytest.fixture
def copy(whole):
    """The same without BiSeNet's weights, which take seconds on a CPU."""
    whole.weights.unlink()
    return whole


@pytest.fixture
def whole(original, tmp_path, monkeypatch):
    """A copy of the data set, which a test can alter."""
    data = original[0].copied(tmp_path / "copy")
    for name, value in data.environment.items():
        monkeypatch.setenv(name, value)
    return data
