import math

from ffhq_wrinkle.segmentation.training.validation import merit


def test_networks_are_chosen_by_jsi_and_in_pretraining_by_the_loss():
    better, worse = {"val_loss": 0.5, "val_jsi": 0.4}, {"val_loss": 0.4, "val_jsi": 0.3}
    assert merit("finetune", better) > merit("finetune", worse)
    assert merit("pretrain", better) < merit("pretrain", worse)


def test_an_undefined_jsi_is_worse_than_any_other():
    assert merit("finetune", {"val_loss": 0.1, "val_jsi": math.nan}) == -math.inf
