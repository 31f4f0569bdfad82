import pytest

from ffhq_wrinkle.downloads.data_set import DataSet
from ffhq_wrinkle.downloads.transfer import Patience

PATIENCE = Patience(attempts=4, stall_s=0.5, connect_s=1, first_wait_s=0.01, longest_wait_s=0.02)


@pytest.fixture
def opened(tmp_path):
    """Open the data set; options as `DataSet` has them."""

    def open_it(**options):
        return DataSet(tmp_path / "ffhq", **{"patience": PATIENCE, "jobs": 4, **options})

    return open_it


@pytest.fixture
def data(tmp_path):
    return tmp_path / "ffhq"
