import pytest

from ffhq_wrinkle.errors import ArgumentError
from ffhq_wrinkle.inference.devices import choose_device


def test_missing_devices_are_refused():
    assert choose_device("cpu").type == "cpu"
    with pytest.raises(ArgumentError, match="'cuda:99' does not exist"):
        choose_device("cuda:99")
    for name in ("warp", "", "meta", "hpu", "cuda:x"):
        with pytest.raises(ArgumentError, match="it should be auto, cpu, cuda"):
            choose_device(name)
