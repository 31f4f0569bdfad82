import pytest

from ffhq_wrinkle.errors import ImageError, ManyValuesError, SizeError
from ffhq_wrinkle.images.named import read_named


def failing(error):
    def read(path):
        raise error

    return read


def test_errors_name_the_file_and_give_no_advice_on_thresholds():
    with pytest.raises(ImageError, match=r"^a\.png: it is damaged$"):
        read_named("a.png", failing(ImageError("it is damaged")))
    with pytest.raises(SizeError, match=r"^its mask: it is 2x3$"):
        read_named("a.png", failing(SizeError("it is 2x3")), name="its mask")
    with pytest.raises(ImageError, match=r"^a\.png: it has 0, 1, 2$"):
        read_named("a.png", failing(ManyValuesError("it has 0, 1, 2", "try --threshold 1")))
    assert read_named("a.png", len) == 5
