import pytest

from ffhq_wrinkle.segmentation.prediction.predictor import load_predictor


@pytest.fixture(scope="module")
def predictor(checkpoint):
    return load_predictor(checkpoint, device="cpu")
