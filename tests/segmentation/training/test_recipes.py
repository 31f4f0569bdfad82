"""Recipes, losses and the learning rate: the paper's values, and formulas by hand."""

import math
import subprocess
import sys

import pytest
import tomli_w
import torch
from torch.optim.lr_scheduler import CosineAnnealingWarmRestarts

from ffhq_wrinkle.errors import ArgumentError
from ffhq_wrinkle.segmentation.training.losses import mse_loss, soft_dice_loss
from ffhq_wrinkle.segmentation.training.recipes import parse_recipe, read_recipe, shipped_recipes
from ffhq_wrinkle.segmentation.training.schedule import sgdr_rate
from tests.helpers.odd_names import ESCAPED, NOT_TEXT

# The specification's table: epochs, batch, first period, peak rate, decay of the peak.
PAPER = {
    ("unet_texture", "pretrain"): (300, 26, 100, 1e-3, 1.0),
    ("unet_texture", "finetune"): (150, 14, 50, 1e-4, 0.9),
    ("swin_unetr_texture", "pretrain"): (300, 22, 100, 1e-3, 1.0),
    ("swin_unetr_texture", "finetune"): (300, 14, 100, 1e-4, 0.9),
}


@pytest.mark.parametrize(("name", "stage"), PAPER)
def test_the_shipped_recipes_hold_the_paper_s_values(name, stage):
    config = read_recipe(name).stage(stage)
    values = (
        config.epochs, config.batch_size, config.first_period, config.peak_rate, config.rate_decay,
    )  # fmt: skip
    assert values == PAPER[name, stage]
    assert (config.weight_decay, config.beta1, config.beta2) == (0.05, 0.9, 0.999)
    assert config.network == name.removesuffix("_texture")
    assert config.size == 0
    assert config.augment
    channels = (config.in_channels, config.out_channels)
    assert channels == ((3, 1) if stage == "pretrain" else (4, 2))


SMALL = """
[finetune]
network = "unet"
input = "rgb"
loss = "soft_dice"
epochs = 2
batch_size = 3
peak_rate = 1
first_period = 1
"""


def test_a_recipe_of_one_stage_and_whole_numbers_for_floats():
    recipe = parse_recipe(SMALL, "mine.toml")
    assert (recipe.name, recipe.pretrain) == ("mine", None)
    assert recipe.finetune.peak_rate == 1.0
    assert recipe.finetune.in_channels == 3


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("epochs", "epoch"), "'epoch' is not a key of .finetune.; did you mean 'epochs'"),
        (("[finetune]", "[fine]"), "not a stage; did you mean 'finetune'"),
        (("epochs = 2", 'epochs = "2"'), "epochs is '2'; it should be int"),
        (("epochs = 2", "epochs = 2.5"), "epochs is 2.5; it should be int"),
        (("epochs = 2", "epochs = true"), "epochs is True; it should be int"),
        (("epochs = 2", "epochs = 0"), "epochs is 0; the minimum is 1"),
        (("peak_rate = 1", "peak_rate = -1.0"), "peak_rate is -1.0; it should be above 0"),
        (('"unet"', '"vnet"'), "network is 'vnet'; choose one of unet"),
        (("soft_dice", "mse"), "has the loss mse; it should be soft_dice"),
        (("epochs = 2\n", ""), "lacks 'epochs'"),
        (("= 2", "2"), "is not valid TOML"),
        ((SMALL, ""), "neither .pretrain. nor .finetune."),
    ],
)
def test_invalid_recipes_are_refused_with_their_name(change, message):
    with pytest.raises(ArgumentError, match=rf"^mine\.toml.*{message}|^the recipe mine.*{message}"):
        parse_recipe(SMALL.replace(*change), "mine.toml")


PRETRAIN = SMALL.replace("[finetune]", "[pretrain]").replace("soft_dice", "mse")


def test_stages_of_two_networks_are_refused():
    with pytest.raises(ArgumentError, match=r"swin_unetr and .* unet; .* within one network only"):
        parse_recipe(SMALL + PRETRAIN.replace('"unet"', '"swin_unetr"'), "mine")


def test_stages_with_different_features_are_refused():
    for features, fits in ((32, False), (64, True)):
        both = SMALL + PRETRAIN + f"features = {features}\n"
        if fits:  # as many as the network has by default
            assert parse_recipe(both, "mine").pretrain.features == features
        else:
            with pytest.raises(ArgumentError, match=r"\[pretrain\] has 32 features and .* 64"):
                parse_recipe(both, "mine")


def test_features_that_the_network_cannot_have_are_refused():
    for network, features, message in (
        ("unet", -1, "unet needs at least 1"),
        ("swin_unetr", 16, "a multiple of 12"),
        ("striped_wrinet", 12, "are fixed"),
    ):
        text = SMALL.replace('"unet"', f'"{network}"') + f"features = {features}\n"
        with pytest.raises(ArgumentError, match=message):
            parse_recipe(text, "mine")


def test_features_are_recorded_only_if_they_are_not_the_network_s_own():
    """Runs from before recipes had features can be resumed."""
    before = parse_recipe(SMALL, "mine").record()
    assert "features" not in before["finetune"]
    assert parse_recipe(SMALL + "features = 0\n", "mine").record() == before
    narrow = parse_recipe(SMALL + "features = 8\n", "mine").record()
    assert narrow == {"finetune": {**before["finetune"], "features": 8}}
    assert parse_recipe(tomli_w.dumps(narrow), "mine").record() == narrow


@pytest.mark.parametrize(
    ("network", "loss", "message"),
    [
        ("unet_wds", "soft_dice", "only weighted_deep_supervision trains it"),
        ("unet", "weighted_deep_supervision", "it only trains unet_wds"),
    ],
)
def test_a_network_and_its_own_loss_go_together(network, loss, message):
    text = SMALL.replace('"unet"', f'"{network}"').replace("soft_dice", loss)
    with pytest.raises(ArgumentError, match=message):
        parse_recipe(text, "mine")


def test_recipes_are_read_without_pytorch():
    code = (
        "import sys\n"
        "from ffhq_wrinkle.segmentation.training.recipes import read_recipe, shipped_recipes\n"
        "assert len([read_recipe(name) for name in shipped_recipes()]) > 9\n"
        "print(*sorted({'torch', 'monai', 'torchvision', 'lightning_fabric'} & set(sys.modules)))"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "\n"


def test_options_change_every_stage():
    recipe = read_recipe("unet_texture").changed({"epochs": 7, "size": 256})
    assert [recipe.stage(stage).epochs for stage in ("pretrain", "finetune")] == [7, 7]
    with pytest.raises(ArgumentError, match="did you mean 'batch_size'"):
        recipe.changed({"batchsize": 3})
    assert recipe.only("finetune").pretrain is None
    with pytest.raises(ArgumentError, match=r"has no \[pretrain\]"):
        recipe.only("finetune").only("pretrain")


def test_the_option_input_changes_finetuning_only():
    recipe = read_recipe("unet_texture").changed({"input": "rgb+texture"})
    assert (recipe.pretrain.input, recipe.finetune.input) == ("rgb", "rgb+texture")
    assert read_recipe("unet_texture").changed({"input": "rgb"}).finetune.in_channels == 3
    with pytest.raises(ArgumentError, match=r"\[pretrain\] has the input rgb\+texture; it should"):
        read_recipe("unet_texture").only("pretrain").changed({"input": "rgb+texture"})


def test_an_unknown_recipe_suggests_a_known_one(tmp_path):
    with pytest.raises(ArgumentError, match="did you mean 'unet_texture'"):
        read_recipe("unet_textur")
    (tmp_path / "own.toml").write_text(SMALL)
    assert read_recipe(str(tmp_path / "own.toml")).name == "own"
    assert "unet_texture" in shipped_recipes()


def test_the_rate_is_pytorch_s_warm_restarts():
    parameter = torch.nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([parameter], lr=1e-3)
    scheduler = CosineAnnealingWarmRestarts(optimizer, T_0=100, T_mult=2)
    for epoch in range(300):
        rate = sgdr_rate(epoch, peak_rate=1e-3, first_period=100)
        assert rate == pytest.approx(scheduler.get_last_lr()[0], abs=1e-12)
        optimizer.step()
        scheduler.step()


def test_each_period_s_peak_is_nine_tenths_of_the_last():
    settings = {"peak_rate": 1e-4, "first_period": 50, "decay": 0.9}
    assert sgdr_rate(0, **settings) == 1e-4
    assert sgdr_rate(25, **settings) == pytest.approx(0.5e-4)
    assert sgdr_rate(50, **settings) == pytest.approx(0.9e-4)
    assert sgdr_rate(100, **settings) == pytest.approx(0.45e-4)  # the middle of 100 epochs
    assert sgdr_rate(150, **settings) == pytest.approx(0.81e-4)
    assert sgdr_rate(149, **settings) == pytest.approx(0.9e-4 * (1 + math.cos(math.pi * 0.99)) / 2)


def test_soft_dice_is_equation_3_by_hand():
    # Two pixels; wrinkle is 3/4 and 1/4 likely, and the first of them is wrinkle.
    logits = torch.tensor([[[[0.0, math.log(3)]], [[math.log(3), 0.0]]]])
    wrinkle = torch.tensor([[[1.0, 0.0]]])
    of_each_class = 2 * 0.75 / (1 + 1)
    assert float(soft_dice_loss(logits, wrinkle)) == pytest.approx(1 - of_each_class)


def test_soft_dice_sums_over_the_batch_and_takes_shares():
    torch.manual_seed(0)
    logits, wrinkle = torch.randn(3, 2, 5, 4), torch.rand(3, 5, 4)
    p = torch.softmax(logits, 1)[:, 1]
    classes = [(p, wrinkle), (1 - p, 1 - wrinkle)]
    scores = [2 * (a * b).sum() / (a.sum() + b.sum()) for a, b in classes]
    expected = 1 - sum(scores) / 2
    assert float(soft_dice_loss(logits, wrinkle)) == pytest.approx(float(expected), abs=1e-6)


def test_soft_dice_of_images_without_wrinkles_is_finite_and_teaches():
    logits = torch.zeros(1, 2, 4, 4, requires_grad=True)
    loss = soft_dice_loss(logits, torch.zeros(1, 4, 4))
    loss.backward()
    assert torch.isfinite(loss)
    assert (logits.grad[:, 1] > 0).all()  # less wrinkle is better


def test_the_texture_loss_is_the_mean_squared_error():
    logits = torch.tensor([[[[1.0, -1.0]]]])
    assert float(mse_loss(logits, torch.tensor([[[[0.0, -1.0]]]]))) == 0.5


def test_the_name_of_a_recipe_is_valid_text():
    assert parse_recipe(SMALL, f"{NOT_TEXT[0]}.toml").name == ESCAPED[0]
