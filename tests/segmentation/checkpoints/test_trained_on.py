"""Trained on: a checkpoint knows the images that it has learned from, by hashes of their ids."""

import hashlib

import torch

from ffhq_wrinkle.dataset.ids import official_test_ids
from ffhq_wrinkle.segmentation.checkpoints.checkpoint import load_checkpoint, save_checkpoint
from ffhq_wrinkle.segmentation.checkpoints.trained_on import TrainedOn, id_hashes, ids_sha256
from tests.helpers.networks import threshold_unet


def test_ids_are_recognised_and_not_stored(tmp_path):
    path = tmp_path / "a.pt"
    more = {"trained_on": id_hashes(["00007", "anna/1"])}
    save_checkpoint(path, threshold_unet(), "unet", texture=None, side=64, more=more)
    assert load_checkpoint(path).trained_on.among(["00008", "anna/1", "00007"]) == [
        "00007", "anna/1",
    ]  # fmt: skip
    assert b"anna" not in path.read_bytes()


def test_a_checkpoint_of_an_earlier_version_does_not_know(tmp_path):
    path = tmp_path / "a.pt"
    save_checkpoint(path, threshold_unet(), "unet", texture=None, side=64)
    assert load_checkpoint(path).trained_on is None


def test_published_networks_were_trained_on_masked_images_that_do_not_test():
    test = next(iter(official_test_ids()))
    trained_on = TrainedOn(published=True)
    assert trained_on.among(["00007", test, "portrait"]) == ["00007"]
    assert trained_on.among(["00007", "00009"], masked={"00009"}) == ["00009"]


def test_hashes_are_the_first_eight_bytes_of_sha_256():
    expected = int.from_bytes(hashlib.sha256(b"00007").digest()[:8], signed=True)
    assert id_hashes(["00007"]).tolist() == [expected]
    assert id_hashes([]).dtype == torch.int64


def test_the_hash_of_a_set_of_ids_does_not_depend_on_their_order():
    assert ids_sha256(["b", "a"]) == hashlib.sha256(b"a\nb\n").hexdigest()
