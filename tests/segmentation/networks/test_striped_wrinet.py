"""Striped WriNet: its attention by hand, how far it sees, and which parameters learn."""

import math

import pytest
import torch
from torch.nn import functional

from ffhq_wrinkle.inference.devices import fold_batch_norm
from ffhq_wrinkle.segmentation.networks.catalogue import create_model
from ffhq_wrinkle.segmentation.networks.striped_wrinet import (
    Attention,
    GlobalStripes,
    MultiScaleStripes,
)
from tests.helpers.networks import filled, picture


def lively(network):
    """Give layers weights that keep the scale of their input, which otherwise shrinks."""
    torch.manual_seed(0)
    for module in network.modules():
        if isinstance(module, torch.nn.Conv2d):
            torch.nn.init.kaiming_normal_(module.weight)
        elif isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(module.weight, 0.5, 1.5)
    return network.eval()


@pytest.mark.parametrize("along", ["row", "column"])
@torch.inference_mode()
def test_multi_scale_attention_weights_by_values_within_1_3_and_5_pixels(along):
    attention = MultiScaleStripes(1).eval()
    for stripe in attention.stripes:
        for convolution in stripe[:2]:
            convolution.weight.fill_(1)
    # Logits are ln 2 * (sum within 1 + sum within 3 - sum within 5).
    attention.weigh.weight.copy_(math.log(2) * torch.tensor([1.0, 1, -1]).view(1, 3, 1, 1))
    x = torch.tensor([1.0, 0, 1, 0, 0, 2, 0])
    # The 1s: 1 + 2 - 4 = -1, so 1/3; 1 + 4 - 4 = 1, so 2/3. The 2: 2 + 3 - 4 = 1, so 2/3.
    expected = torch.tensor([1 / 3, 0, 2 / 3, 0, 0, 4 / 3, 0])
    shape = (1, 1, 1, 7) if along == "row" else (1, 1, 7, 1)
    attended = attention(x.view(shape))
    # Batch normalisation divides by the root of 1 + 1e-5.
    torch.testing.assert_close(attended, expected.view(shape), rtol=1e-4, atol=0)


@torch.inference_mode()
def test_global_attention_adds_columns_of_means_and_rows_of_maxima():
    attention = GlobalStripes((1,), 1)
    for name, value in attention.named_parameters():
        value.fill_(0 if name.endswith("bias") else 1)
    m = math.sqrt(math.log(3))
    x = torch.tensor([[0, 0], [0, 2 * m]]).view(1, 1, 2, 2)
    # Means of the columns are 0 and m. The first sees both alike, the second, with exp(m * m) = 3,
    # the second thrice as much. Maxima of the rows are 0 and 2m: alike, and 81 times as much.
    columns = torch.tensor([m / 2, 3 / 4 * m])
    rows = torch.tensor([[m], [81 / 82 * 2 * m]])
    torch.testing.assert_close(attention([x])[0, 0], x[0, 0] + columns + rows)


def striped_wrinet_by_hand(state, x):
    """The network as its authors' description has it, from functions and a table of weights."""

    def normalised(x, name):
        parts = ("running_mean", "running_var", "weight", "bias")
        return functional.batch_norm(x, *(state[f"{name}.{part}"] for part in parts)).relu()

    def double(x, name):
        for at in (0, 3):
            x = functional.conv2d(x, state[f"{name}.double_conv.{at}.weight"], padding=1)
            x = normalised(x, f"{name}.double_conv.{at + 1}")
        return x

    def upsampled(x, size):
        return functional.interpolate(x, size, mode="bilinear", align_corners=True)

    def attended(tokens, name):
        q, k, v = (
            tokens @ state[f"{name}.{part}.weight"].T + state[f"{name}.{part}.bias"]
            for part in ("query", "key", "value")
        )
        return torch.softmax(q @ k.transpose(1, 2) / 48**0.5, dim=2) @ v

    levels = [double(x, "levels.0")]
    for level in range(1, 5):
        pooled = functional.max_pool2d(levels[-1], 2)
        levels.append(double(pooled, f"levels.{level}.maxpool_conv.1"))
    x = levels.pop()
    size = levels[0].shape[-2:]
    weighted = []
    for level, features in enumerate(levels):
        stripes = []
        for at, reach in enumerate((1, 3, 5)):
            name = f"near.{level}.stripes.{at}"
            row = functional.conv2d(features, state[f"{name}.0.weight"], padding=(0, reach))
            both = functional.conv2d(row, state[f"{name}.1.weight"], padding=(reach, 0))
            stripes.append(normalised(both, f"{name}.2"))
        weight = functional.conv2d(torch.cat(stripes, 1), state[f"near.{level}.weigh.weight"])
        weighted.append(upsampled(features * torch.sigmoid(weight), size))
    shared = functional.conv2d(torch.cat(weighted, 1), state["across.mix.weight"])
    columns = attended(shared.mean(2).transpose(1, 2), "across.columns").transpose(1, 2)
    rows = attended(shared.max(3).values.transpose(1, 2), "across.rows").transpose(1, 2)
    shared = shared + columns[:, :, None, :] + rows[:, :, :, None]
    for level in (3, 2, 1, 0):
        # A pixel of the smaller image lies in the middle of four pixels of the larger one.
        step, middle = 2**level, max(0, 2 ** (level - 1) - 1)
        near = [
            shared[:, :, middle + down :: step, middle + right :: step]
            for down in (0, 1)
            for right in (0, 1)
        ]
        smaller = torch.stack(near).mean(0) if level else shared
        larger = upsampled(x, smaller.shape[-2:])
        x = double(torch.cat([smaller, larger], 1), f"ups.{level}")
    return functional.conv2d(x, state["last.weight"], state["last.bias"])


@torch.inference_mode()
def test_it_computes_its_description_also_with_folded_norms():
    network = lively(filled(create_model("striped_wrinet", 4, 2)))
    x = picture(4, 96, 64)
    expected = striped_wrinet_by_hand(network.state_dict(), x)
    assert expected.std() > 1
    torch.testing.assert_close(network(x), expected, atol=1e-4, rtol=1e-4)
    fold_batch_norm(network)
    assert not any(isinstance(module, torch.nn.BatchNorm2d) for module in network.modules())
    torch.testing.assert_close(network(x), expected, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("removed", [(), ("rows",), ("columns",), ("rows", "columns")])
@pytest.mark.parametrize("along", ["row", "column"])
@torch.inference_mode()
def test_a_pixel_is_seen_along_its_whole_row_and_column_by_attention_alone(removed, along):
    network = lively(create_model("striped_wrinet", 3, 2))
    for name in removed:
        value = getattr(network.across, name).value
        value.weight.zero_()
        value.bias.zero_()
    x = picture(3, 16, 256)
    changed = x.clone()
    changed[:, :, 5, 0] += 2
    if along == "column":
        x, changed = x.transpose(2, 3), changed.transpose(2, 3)
    difference = (network(changed) - network(x)).abs().amax(dim=1)[0]
    difference = difference if along == "row" else difference.T
    assert difference[5, :16].max() > 1e-3
    if len(removed) == 2:
        assert difference[:, 200:].max() == 0
    else:
        assert difference[5, 200:].max() > 1e-4


def test_gradients_reach_all_parameters_but_biases_of_keys_which_the_softmax_cancels():
    torch.manual_seed(0)
    network = create_model("striped_wrinet", 4, 2).train()
    network(torch.cat([picture(4, 33, 50, seed) for seed in (1, 2)])).square().mean().backward()
    largest = {name: float(value.grad.abs().max()) for name, value in network.named_parameters()}
    cancelled = {"across.rows.key.bias", "across.columns.key.bias"}
    assert min(size for name, size in largest.items() if name not in cancelled) > 1e-9
    assert max(largest[name] for name in cancelled) < 1e-9


def test_attention_is_pytorch_s_with_one_head():
    torch.manual_seed(0)
    ours = Attention(6)
    theirs = torch.nn.MultiheadAttention(6, 1, batch_first=True)
    parts = (ours.query, ours.key, ours.value)
    with torch.inference_mode():
        theirs.in_proj_weight.copy_(torch.cat([part.weight for part in parts]))
        theirs.in_proj_bias.copy_(torch.cat([part.bias for part in parts]))
        theirs.out_proj.weight.copy_(torch.eye(6))
        x = torch.randn(2, 9, 6)
        expected, _ = theirs(x, x, x)
        torch.testing.assert_close(ours(x.transpose(1, 2)).transpose(1, 2), expected)
