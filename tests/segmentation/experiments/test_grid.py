"""The runs of the paper's tables: which there are, and what they share."""

import pytest

from ffhq_wrinkle.errors import ArgumentError
from ffhq_wrinkle.segmentation.experiments.adaptation import Adaptation
from ffhq_wrinkle.segmentation.experiments.experiments import compare_runs
from ffhq_wrinkle.segmentation.experiments.grid import (
    is_finished,
    paper_grid,
    require_one_test_part,
)
from ffhq_wrinkle.segmentation.experiments.paper_tables import ROWS
from ffhq_wrinkle.segmentation.experiments.plan import images_of, seconds_per_image
from ffhq_wrinkle.segmentation.training.recipes import read_recipe
from ffhq_wrinkle.segmentation.training_data.sample_files import SampleFiles
from tests.helpers.experiments import compared, write_run


def names(*arguments, **options):
    return [run.name for run in paper_grid(*arguments, **options)]


def test_every_row_is_finetuned_for_every_fraction_and_seed():
    runs = paper_grid([], [1, 0.05], [0, 1, 2])
    finetuned = [run for run in runs if run.stage == "finetune"]
    assert len(finetuned) == 12 * 2 * 3
    assert {run.recipe for run in finetuned} == set(ROWS)
    assert len({run.name for run in runs}) == len(runs)


def test_rows_that_pretrain_alike_share_one_pretraining():
    runs = paper_grid([], [1, 0.05], [0, 1])
    pretrained = {run.recipe for run in runs if run.stage == "pretrain"}
    # unet_texture and unet_texture_rgb differ in finetuning alone.
    assert len(pretrained & {"unet_texture", "unet_texture_rgb"}) == 1
    assert {run.after for run in runs if run.recipe.startswith("unet_texture")} - {""} == {
        f"pretrain-{next(iter(pretrained & {'unet_texture', 'unet_texture_rgb'}))}"
    }
    assert names(["unet_texture"], [1, 0.05], [0, 1]) == [
        "pretrain-unet_texture", "unet_texture-100-0", "unet_texture-100-1", "unet_texture-5-0",
        "unet_texture-5-1",
    ]  # fmt: skip


def test_a_budget_shortens_all_epochs_by_its_factor():
    recipe = read_recipe("swin_unetr_texture")
    assert (recipe.pretrain.epochs, recipe.finetune.epochs) == (300, 300)
    shorter = recipe.shortened(0.01)
    assert (shorter.pretrain.epochs, shorter.finetune.epochs) == (3, 3)
    assert (shorter.finetune.first_period, shorter.finetune.batch_size) == (1, 14)
    assert read_recipe("unet_none").shortened(0.001).finetune.epochs == 1
    with pytest.raises(ArgumentError, match="above 0 and at most 1"):
        recipe.shortened(0)


def test_options_change_all_runs_or_one_stage():
    pretrain, finetune = paper_grid(
        ["unet_texture"], [1], [0], Adaptation(options={"size": "64", "pretrain.epochs": "7"})
    )
    assert (pretrain.config.size, pretrain.config.epochs) == (64, 7)
    assert (finetune.config.size, finetune.config.epochs) == (64, 150)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"rows": ["unet_nine"]}, "'unet_nine' is not a row"),
        ({"fractions": [0]}, "--fractions: 0 should be"),
        ({"seeds": []}, "at least one fraction and one seed"),
        ({"options": {"sise": "3"}}, "did you mean 'size'"),
        ({"options": {"size": "big"}}, "size is 'big'; it should be int"),
        ({"options": {"augment": "yes"}}, "augment is 'yes'; it should be bool"),
        ({"options": {"third.size": "3"}}, "names no stage"),
    ],
)
def test_wrong_arguments_are_refused(changed, said):
    arguments = {"rows": ["unet_none"], "fractions": [1], "seeds": [0], **changed}
    adaptation = Adaptation(options=arguments.pop("options", {}))
    with pytest.raises(ArgumentError, match=said):
        paper_grid(**arguments, adaptation=adaptation)


def test_a_run_is_finished_when_it_is_trained_and_scored(tmp_path):
    pretrain, finetune = paper_grid(["unet_texture"], [1], [0], Adaptation(options={"epochs": "2"}))
    assert not is_finished(finetune, tmp_path / "none")
    write_run(tmp_path / "half", "unet_texture", only="finetune", finished=False)
    assert not is_finished(finetune, tmp_path / "half")
    write_run(tmp_path / "whole", "unet_texture", only="finetune")
    assert is_finished(finetune, tmp_path / "whole")
    write_run(tmp_path / "pretrain", "unet_texture", only="pretrain")
    assert is_finished(pretrain, tmp_path / "pretrain")
    (longer, _) = paper_grid(["unet_texture"], [1], [0], Adaptation(options={"epochs": "3"}))
    assert not is_finished(longer, tmp_path / "pretrain")


def test_several_seeds_need_one_test_part(tmp_path):
    masks = {f"{number:05d}": tmp_path for number in range(20)}
    none = {"images": masks, "weak": {}, "faces": {}}
    files = SampleFiles(tmp_path, tmp_path, masks=masks, **none)
    require_one_test_part(files, [3])
    with pytest.raises(ArgumentError, match="has 0 of the official test ids"):
        require_one_test_part(files, [0, 1])
    official = SampleFiles(tmp_path, tmp_path, masks={**masks, "01044": tmp_path}, **none)
    with pytest.raises(ArgumentError, match="has 1 of"):  # 21 masks have a test part of 2
        require_one_test_part(official, [0, 1])
    given = SampleFiles(tmp_path, tmp_path, masks=masks, split={"00000": "test"}, **none)
    require_one_test_part(given, [0, 1])


def test_shortened_networks_of_different_lengths_share_a_table_that_says_so(tmp_path):
    budget = 0.02  # 150 epochs become 3, and 300 become 6
    unet = write_run(tmp_path / "unet", "unet_none", epochs=3, batch_size=14)
    swin = write_run(tmp_path / "swin", "swin_unetr_none", epochs=6, batch_size=14)
    apart = compared(unet, swin)
    assert len(apart.cells) == 1
    together = compare_runs([unet, swin], adaptation=Adaptation(budget), resamples=10)
    assert {cell.recipe for cell in together.cells} == {"unet_none", "swin_unetr_none"}
    assert together.common["epochs"] == "the recipe's x 0.02"
    assert "All recipes were changed: epochs x 0.02." in together.summary()
    assert together.record()["changed"] == {"budget": budget, "options": {}}


def test_narrow_networks_are_compared_if_all_are_narrow(tmp_path):
    narrow = write_run(tmp_path / "narrow", "unet_none", features=12)
    assert compared(narrow).cells == ()
    changed = Adaptation(options={"features": "12", "epochs": "2", "batch_size": "4"})
    together = compare_runs([narrow], adaptation=changed, resamples=10)
    assert [cell.recipe for cell in together.cells] == ["unet_none"]
    assert "changed: features = 12, epochs = 2, batch_size = 4." in together.summary()


def test_a_step_can_be_measured_for_each_kind_of_loss():
    small = Adaptation(options={"size": "32", "features": "12", "batch_size": "2"})
    for run in paper_grid(["unet_texture", "unet_denoising"], [1], [0], small):
        assert 0 < seconds_per_image(run.config, "cpu", 32) < 60
    assert seconds_per_image(run.config, "99", 32) is None


def test_the_images_of_an_epoch_are_those_of_the_training_part(tmp_path):
    masks = {f"{number:05d}": tmp_path for number in range(100)}
    images = {f"{number:05d}": tmp_path for number in range(500)}
    files = SampleFiles(tmp_path, tmp_path, images=images, masks=masks, weak={}, faces={})
    pretrain, full, part = paper_grid(["unet_texture"], [1, 0.05], [0])
    assert [images_of(run, files) for run in (pretrain, full, part)] == [480, 80, 4]
