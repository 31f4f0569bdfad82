import pytest

from ffhq_wrinkle.segmentation.prediction.network_files import load_network


@pytest.fixture(scope="module")
def network(checkpoint):
    return load_network(checkpoint, device="cpu")
