"""Training set: the order of samples, shared by devices and loaded by processes."""

import numpy as np
import pytest

from ffhq_wrinkle.errors import ArgumentError, ImageError
from ffhq_wrinkle.runs.opencv_threads import one_opencv_thread
from ffhq_wrinkle.segmentation.training.loader import batches
from ffhq_wrinkle.segmentation.training.recipes import parse_recipe
from ffhq_wrinkle.segmentation.training.training_set import Order, TrainingSet, Turn
from ffhq_wrinkle.segmentation.training_data.samples import Sample
from tests.helpers.training import RECIPE


def test_every_sample_has_one_turn_in_an_epoch_and_epochs_differ_in_order():
    order = Order(10, 3, epochs=4, seed=1)
    epochs = [order.of_epoch(epoch) for epoch in range(4)]
    assert all(epoch.shape == (3, 3) for epoch in epochs)
    assert all(len(np.unique(epoch)) == 9 for epoch in epochs)
    assert any((epochs[0] != epoch).any() for epoch in epochs[1:])
    everything = list(order)
    assert len(everything) == len(order) == 12
    later = Order(10, 3, epochs=4, seed=1, start=(2, 1))
    assert list(later) == everything[7:]
    assert len(later) == 5


def test_devices_share_a_batch():
    whole = list(Order(8, 4, epochs=1, seed=0))
    shared = [list(Order(8, 4, epochs=1, seed=0, device=d, devices=2)) for d in (0, 1)]
    for batch, *parts in zip(whole, *shared, strict=True):
        assert sorted(batch) == sorted([*parts[0], *parts[1]])
        assert len(parts[0]) == len(parts[1]) == 2
    assert Order(3, 14, epochs=1, seed=0).batch_size == 3
    uneven = [list(Order(8, 5, epochs=1, seed=0, device=d, devices=2)) for d in (0, 1)]
    assert [len(batch) for (batch,) in uneven] == [3, 2]
    with pytest.raises(ArgumentError, match="a batch has 3 images for 4 devices"):
        Order(3, 14, epochs=1, seed=0, devices=4)


def test_a_file_that_a_loading_process_cannot_read_is_reported_in_one_line(data):
    image = data.image_path("00003")
    image.write_bytes(b"no image")
    weak = data.root / "manual_wrinkle_masks" / "00003.png"
    config = parse_recipe(RECIPE, "small.toml").pretrain
    samples = TrainingSet([Sample("00003", image, weak=weak)], config, seed=0, training=False)
    with one_opencv_thread(), pytest.raises(ImageError) as caught:
        list(batches(samples, workers=1, pinned=False, sampler=[Turn(0, 0)]))
    assert str(image) in str(caught.value)
    assert "\n" not in str(caught.value)
