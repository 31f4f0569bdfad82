"""The table of networks: what it says is true of them, and it loads no more than is needed."""

import subprocess
import sys

import pytest
import torch

from ffhq_wrinkle.errors import ArgumentError, SourceError
from ffhq_wrinkle.segmentation.networks import catalogue
from ffhq_wrinkle.segmentation.networks.catalogue import (
    NETWORKS,
    create_model,
    described,
    fitting_crop,
    network_spec,
)
from ffhq_wrinkle.segmentation.networks.parameters import parameter_counts
from tests.helpers.networks import EACH, small_model
from tests.helpers.networks import FEATURES as SMALL

# Channels of the first level by default, from the papers and libraries; None if they are fixed.
FEATURES = {
    "unet": 64,
    "swin_unetr": 48,
    "striped_wrinet": None,
    "unet_wds": 64,
    "unet_resnet50": None,
    "swin_unetr_96": 96,
    "swin_mim": 48,
}
OF_ANY_WIDTH = [name for name, features in FEATURES.items() if features]


@pytest.mark.parametrize("name", EACH)
def test_a_network_is_recognised_by_its_weights(name):
    state = create_model(name, 4, 1).state_dict()
    assert described(state) == (name, 4, 1, FEATURES[name])


@pytest.mark.parametrize("name", OF_ANY_WIDTH)
def test_a_network_with_other_features_is_recognised_with_them(name):
    state = create_model(name, 3, 2, features=24).state_dict()
    # Swin UNETR's two entries differ in their default features only.
    same_class = "swin_unetr" if name == "swin_unetr_96" else name
    assert described(state) == (same_class, 3, 2, 24)
    assert described(state, recorded=name) == (name, 3, 2, 24)


def test_a_recorded_name_that_does_not_fit_is_ignored():
    state = create_model("unet", 3, 2, features=8).state_dict()
    for recorded in ("swin_unetr", "unet_wds", "vnet", None, 3, ["unet"]):
        assert described(state, recorded=recorded) == ("unet", 3, 2, 8)


def test_weights_of_no_network_are_refused_with_some_of_their_names():
    with pytest.raises(SourceError, match=r"fit none of the networks.*names are conv1\.weight"):
        described({"conv1.weight": torch.zeros(3)})
    with pytest.raises(SourceError, match="there are no named tensors"):
        described({})


@pytest.mark.parametrize("features", [0, 20])
def test_weights_with_features_that_a_network_cannot_have_are_refused(features):
    state = create_model("swin_unetr", 3, 2, features=12).state_dict()
    state["swinViT.patch_embed.proj.weight"] = torch.zeros(features, 3, 4, 4)
    with pytest.raises(SourceError, match="none of the networks"):
        described(state)


@pytest.mark.parametrize("name", OF_ANY_WIDTH)
def test_twice_the_features_are_twice_the_channels_everywhere(name):
    narrow, wide = (create_model(name, 3, 2, features=features) for features in (24, 48))
    inner = [
        layer
        for layer, module in narrow.named_modules()
        if isinstance(module, torch.nn.Conv2d) and module.out_channels > 2 and layer != "head"
    ]
    assert inner
    for layer in inner:
        assert wide.get_submodule(layer).out_channels == (
            2 * narrow.get_submodule(layer).out_channels
        )


@pytest.mark.parametrize("name", EACH)
def test_the_layers_that_a_network_names_are_those_with_its_channels(name):
    network = small_model(name, 5, 7)
    modules = dict(network.named_modules())
    with_inputs = {
        name
        for name, module in modules.items()
        if isinstance(module, torch.nn.Conv2d) and module.in_channels == 5
    }
    assert with_inputs == set(network.input_layers)
    # Swin MIM's output layer has a channel for each pixel of 64x64.
    pixels = 64**2 if name == "swin_mim" else 1
    assert modules[network.output_layer].out_channels == 7 * pixels
    spec = NETWORKS[name]
    assert spec.input_weight.removesuffix(".weight") in network.input_layers
    assert spec.output_weight.removesuffix(".weight") == network.output_layer


@pytest.mark.parametrize("name", EACH)
def test_all_parameters_are_counted_with_or_without_memory_for_them(name):
    features = SMALL if FEATURES[name] else None
    counts = parameter_counts(name, 3, 2, features)
    assert counts.whole == sum(each.numel() for each in small_model(name, 3, 2).parameters())
    # Tables of (2 * 16 - 1)**2 offsets, for 2 blocks with each of 3, 6, 12 and 24 heads.
    tables = 31**2 * 2 * (3 + 6 + 12 + 24) if name.startswith("swin") else 0
    assert counts.whole - counts.paper == tables


def test_a_network_that_pretrains_an_encoder_has_all_of_it():
    pretraining = [spec for spec in NETWORKS.values() if spec.encoder_of]
    assert [spec.name for spec in pretraining] == ["swin_mim"]
    for spec in pretraining:
        networks = (create_model(name, 3, 2) for name in (spec.name, spec.encoder_of.network))
        encoders = [
            {
                name: value.shape
                for name, value in network.state_dict().items()
                if name.startswith(spec.encoder_of.prefix)
            }
            for network in networks
        ]
        assert encoders[0]
        assert encoders[0] == encoders[1]


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("vnet", {}, "network is 'vnet'; choose one of unet, swin_unetr"),
        ("unet", {"in_channels": 0}, "channels are 0 -> 2"),
        ("unet", {"features": 0}, "features is 0; unet needs at least 1, and has 64 by default"),
        ("swin_unetr", {"features": 16}, "swin_unetr needs a multiple of 12, and has 48"),
        ("striped_wrinet", {"features": 12}, "those of striped_wrinet are fixed"),
        ("unet", {"gradient_checkpointing": True}, "with it are swin_unetr, swin_unetr_96$"),
        ("striped_wrinet", {"gradient_checkpointing": True}, "striped_wrinet has no gradient"),
    ],
)
def test_settings_that_a_network_cannot_be_made_with_are_refused(name, options, message):
    with pytest.raises(ArgumentError, match=message):
        create_model(name, **{"in_channels": 4, "out_channels": 2, **options})


def test_an_error_on_a_missing_library_names_the_extra(monkeypatch):
    monkeypatch.setattr(catalogue, "find_spec", lambda name: None)
    for use in (
        lambda: create_model("unet_resnet50", 3, 2),
        lambda: fitting_crop("unet_resnet50", 9),
    ):
        with pytest.raises(ArgumentError, match=r"pip install 'ffhq-wrinkle\[smp\]'"):
            use()
    assert not network_spec("unet_resnet50").is_installed
    assert network_spec("unet").is_installed


def loaded_by(code):
    """Return which heavy libraries a process has loaded after running code."""
    heavy = "{'torch', 'torchvision', 'monai', 'segmentation_models_pytorch', 'timm'}"
    code = f"import sys\n{code}\nprint(*sorted({heavy} & set(sys.modules)))"
    return subprocess.check_output([sys.executable, "-c", code], text=True).split()


def test_the_table_loads_no_heavy_library_and_a_network_only_its_own():
    module = "ffhq_wrinkle.segmentation.networks.catalogue"
    assert loaded_by(f"from {module} import NETWORKS") == []
    make = f"from {module} import create_model\nfor name in {{}}:\n    create_model(name, 3, 2)"
    assert loaded_by(make.format(("unet", "unet_wds", "striped_wrinet"))) == ["torch"]
