import re

import pytest

from ffhq_wrinkle.segmentation.experiments.experiment_tables import (
    printed,
)
from ffhq_wrinkle.segmentation.training.recipes import read_recipe
from ffhq_wrinkle.storage.writing import sha256_of
from tests.helpers.experiments import BAD, GOOD, compared, why


@pytest.mark.parametrize(
    ("other", "reason"),
    [
        ({"data": "d1"}, "data d1 instead of d0"),
        ({"limit": 7}, "limit 7 instead of none"),
        ({"precision": "bf16"}, "precision bf16 instead of 32"),
        ({"size": 64}, "size 64 instead of whole images"),
        ({"epochs": 3}, "epochs 3 instead of 2"),
        ({"batch_size": 1}, "batch size 1 instead of 4"),
        ({"augment": False}, "augmentation no instead of yes"),
        ({"peak_rate": 1e-3}, "[finetune] peak_rate 0.001 instead of 0.0001"),
        ({"initial": "random-stand-in", "network": "unet_resnet50"},
         "[finetune] network unet_resnet50, the recipe's is unet, "
         "[finetune] initial random-stand-in, the recipe's is random"),
        ({"features": 32}, "[finetune] features 32, the recipe's is 0"),
        ({"init": "ab" * 32},
         "began with a checkpoint (--init) of none of these runs; name its run too"),
        ({"seed": 0}, "seed 0 again, as in "),
    ],
)  # fmt: skip
def test_runs_that_differ_are_not_averaged(make_run, other, reason):
    good = [make_run("a", seed=0), make_run("b", seed=1)]
    experiments = compared(make_run("other", scores=BAD, **{"seed": 2, **other}), *good)
    if "again" in reason:  # the first named counts
        assert why(experiments) == {"a": f"{reason}{good[0].parent / 'other'}"}
        return
    assert why(experiments) == {"other": reason}
    assert [run.path for run in experiments.cells[0].runs] == good
    assert experiments.cells[0].figures[0].value == pytest.approx(0.375)
    assert experiments.apart[0].figures[0].value == pytest.approx(0.15)
    assert reason in printed(experiments).replace("\n", " ")


def test_gradient_checkpointing_makes_no_difference(make_run):
    recipe = "swin_unetr_none"
    experiments = compared(
        make_run("a", recipe), make_run("b", recipe, seed=1, gradient_checkpointing=True)
    )
    assert len(experiments.cells[0].runs) == 2


def test_another_test_part_is_named(make_run):
    fewer = {image_id: GOOD[image_id] for image_id in ("00001", "00003")}
    experiments = compared(make_run("a"), make_run("b", scores=fewer, seed=1))
    assert re.fullmatch(
        r"test part 2 images \([0-9a-f]{8}\) instead of 3 images \([0-9a-f]{8}\)",
        why(experiments)["b"],
    )


def test_the_first_of_two_groups_of_equal_size_is_kept(make_run):
    runs = [make_run("a", data="x"), make_run("b", data="y", seed=1)]
    assert why(compared(*runs)) == {"b": "data y instead of x"}
    assert why(compared(*reversed(runs))) == {"a": "data x instead of y"}


def test_each_recipe_s_own_budget_is_comparable_but_not_with_a_shorter_one(make_run):
    swin, unet = read_recipe("swin_unetr_none").finetune, read_recipe("unet_none").finetune
    assert (swin.epochs, unet.epochs) == (300, 150)
    experiments = compared(
        make_run("swin", "swin_unetr_none", epochs=300, batch_size=14),
        make_run("unet", epochs=150, batch_size=14),
        make_run("short", epochs=20, batch_size=14, seed=1),
    )
    assert [cell.recipe for cell in experiments.cells] == ["swin_unetr_none", "unet_none"]
    assert why(experiments) == {"short": "epochs 20 instead of the recipe's"}


def test_runs_of_another_pretraining_are_apart_and_those_without_stay(make_run):
    experiments = compared(
        make_run("none"),
        make_run("texture", "unet_texture"),
        make_run("denoising", "unet_denoising"),
        make_run("unpretrained", "unet_texture", only="finetune", seed=1),
    )
    assert [cell.recipe for cell in experiments.cells] == [
        "unet_none",
        "unet_texture",
        "unet_denoising",
    ]
    assert why(experiments) == {"unpretrained": "without the recipe's pretraining"}
    assert [cell.seconds for cell in experiments.cells] == [20, 40, 40]


def test_pretraining_with_another_budget_is_apart(make_run):
    runs = [make_run(f"n{n}", "unet_texture", seed=n) for n in range(2)]
    long = make_run("long", "unet_texture", seed=2)
    config = (long / "config.toml").read_text()
    (long / "config.toml").write_text(config.replace("epochs = 2", "epochs = 1", 1))
    assert why(compared(long, *runs)) == {"long": "pretraining epochs 1 instead of 2"}


def test_the_pretraining_that_another_run_started_from_is_recognised(make_run):
    source = make_run("source", "unet_texture", only="pretrain", seconds=100.0)
    init = sha256_of(source / "pretrain" / "best.pt")
    five = make_run("five", "unet_texture", only="finetune", init=init, fraction=0.05)
    experiments = compared(five, source)
    assert experiments.cell("unet_texture", 0.05).seconds == 220
    assert not experiments.unfinished
    alone = compared(five, make_run("whole", "unet_texture"))
    assert "name its run too" in why(alone)["five"]


def test_pretraining_on_the_same_images_is_comparable_with_any_targets(make_run):
    # Denoising needs no weak masks, which are part of what texture-map pretraining's hash is of.
    experiments = compared(
        make_run("texture", "unet_texture", pretrain_data="with weak masks"),
        make_run("again", "unet_texture", pretrain_data="with weak masks", seed=1),
        make_run("noise", "unet_denoising", pretrain_data="images alone"),
    )
    cells = [(one.recipe, len(one.runs)) for one in experiments.cells]
    assert cells == [("unet_texture", 2), ("unet_denoising", 1)]


def test_pretraining_of_other_images_is_kept_apart(make_run):
    experiments = compared(
        make_run("texture", "unet_texture"),
        make_run("again", "unet_texture", seed=1),
        make_run("noise", "unet_denoising", pretrained_on=("00009", "00010")),
    )
    assert list(why(experiments)) == ["noise"]
    assert "pretraining images" in why(experiments)["noise"]
