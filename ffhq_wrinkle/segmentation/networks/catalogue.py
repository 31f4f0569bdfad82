"""Catalogue: the networks by name, one entry each, and how one is made or recognised.

`NETWORKS` holds all that the rest of the package needs to know about a network without loading
it. A new network is one entry here and one module with a `sized.SizedNetwork`. This module does
not load PyTorch, so that recipes can be read quickly, and a network's own library, such as MONAI,
is loaded only when that network is made.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, NamedTuple

from ...errors import ArgumentError, SourceError

if TYPE_CHECKING:
    import torch

    from .sized import SizedNetwork


class EncoderOf(NamedTuple):
    """The network whose encoder another network pretrains.

    Attributes
    ----------
    network : str
        Name of the network that is finetuned.
    prefix : str
        Prefix of the encoder's parameters, which is the same in both.
    """

    network: str
    prefix: str


class Library(NamedTuple):
    """A library that only an extra of this package installs."""

    name: str
    extra: str


@dataclass(frozen=True, kw_only=True)
class NetworkSpec:
    """Facts about a network that the package needs without loading it.

    Attributes
    ----------
    name : str
        Its name in recipes, options and checkpoints.
    module, class_name : str
        Where its class is; a module of this package begins with a dot. The class takes
        ``in_channels, out_channels``, and as keywords ``features`` and ``gradient_checkpointing``
        if the entry has them.
    input_weight, output_weight : str
        The parameters by which its weights are recognised: the second axis of the first is the
        input channels, the first axis of the second the output channels.
    further_weights : tuple of str
        More of its parameters, if another network has the two above as well.
    output_pixels : int
        Output pixels for which each position of the output layer has a channel of its own.
    features : int or None
        Channels of its first level, the first axis of `input_weight`, unless it is made with
        others; None if they are fixed.
    features_step : int
        Features must be a multiple of this.
    gradient_checkpointing : bool
        Whether it can be trained with gradient checkpointing.
    encoder_of : EncoderOf or None
        Set for a network that only pretrains the encoder of another.
    own_loss : str
        The loss that alone trains it, and trains nothing else; empty if any other loss may.
    classifier : str
        Torchvision's classifier whose ImageNet weights fit its encoder, a key of
        `encoders.CLASSIFIERS`; empty if there is none.
    uncounted : str
        Ending of the names of parameters that the paper leaves out of its counts.
    made_on_meta : bool
        Whether it can be made without memory for its weights, on PyTorch's device "meta".
    library : Library or None
        A library that must be installed for it.
    """

    name: str
    module: str
    class_name: str
    input_weight: str
    output_weight: str
    further_weights: tuple[str, ...] = ()
    output_pixels: int = 1
    features: int | None = None
    features_step: int = 1
    gradient_checkpointing: bool = False
    encoder_of: EncoderOf | None = None
    own_loss: str = ""
    classifier: str = ""
    uncounted: str = ""
    made_on_meta: bool = True
    library: Library | None = None

    @property
    def is_installed(self) -> bool:
        """Whether the library that it needs is installed."""
        return self.library is None or find_spec(self.library.name) is not None

    def load(self) -> "type[SizedNetwork]":
        """Import the network's class.

        Raises
        ------
        ArgumentError
            The library that it needs is not installed.
        """
        if self.library and not self.is_installed:
            raise ArgumentError(
                f"{self.name} needs {self.library.name}: "
                f"pip install 'ffhq-wrinkle[{self.library.extra}]'"
            )
        network: type[SizedNetwork] = getattr(
            import_module(self.module, __package__), self.class_name
        )
        return network

    def allows(self, features: int) -> bool:
        """Tell whether the network can be made with this number of features."""
        return self.features is not None and features > 0 and features % self.features_step == 0

    def require_features(self, features: int) -> None:
        """Refuse a number of features that the network cannot be made with.

        Raises
        ------
        ArgumentError
            Its features are fixed, or must be a multiple of another number.
        """
        if self.features is None:
            raise ArgumentError(f"features is {features}; those of {self.name} are fixed")
        if not self.allows(features):
            step = self.features_step
            wanted = f"a multiple of {step}" if step > 1 else "at least 1"
            raise ArgumentError(
                f"features is {features}; {self.name} needs {wanted}, and has {self.features} by "
                "default"
            )

    def fits(self, state: "Mapping[str, torch.Tensor]") -> bool:
        """Tell whether named weights can be those of this network, of any number of features."""
        names = (self.input_weight, self.output_weight)
        if not all(name in state for name in (*names, *self.further_weights)):
            return False
        if not all(state[name].ndim == 4 for name in names):
            return False
        return self.features is None or self.allows(len(state[self.input_weight]))


_SWIN_INPUT, _SWIN_OUTPUT = "swinViT.patch_embed.proj.weight", "out.conv.conv.weight"
# The paper gives 25.153M for 25,239,980 parameters.
_SWIN_UNCOUNTED = "relative_position_bias_table"

NETWORKS = {
    spec.name: spec
    for spec in (
        NetworkSpec(
            name="unet",
            module=".unet",
            class_name="UNet",
            input_weight="inc.double_conv.0.weight",
            output_weight="outc.conv.weight",
            features=64,
        ),
        NetworkSpec(
            name="swin_unetr",
            module=".swin_unetr",
            class_name="SwinUnetr",
            input_weight=_SWIN_INPUT,
            output_weight=_SWIN_OUTPUT,
            features=48,
            features_step=12,
            gradient_checkpointing=True,
            uncounted=_SWIN_UNCOUNTED,
            made_on_meta=False,  # MONAI reads values while it makes the network
        ),
        NetworkSpec(
            name="striped_wrinet",
            module=".striped_wrinet",
            class_name="StripedWriNet",
            input_weight="levels.0.double_conv.0.weight",
            output_weight="last.weight",
        ),
        NetworkSpec(
            name="unet_wds",
            module=".unet_wds",
            class_name="UNetWDS",
            input_weight="inc.double_conv.0.weight",
            output_weight="outc.conv.weight",
            further_weights=("outc_4.conv.weight",),
            features=64,
            own_loss="weighted_deep_supervision",
        ),
        NetworkSpec(
            name="unet_resnet50",
            module=".unet_resnet50",
            class_name="UnetResnet50",
            input_weight="encoder.conv1.weight",
            output_weight="segmentation_head.0.weight",
            classifier="resnet50",
            library=Library("segmentation_models_pytorch", extra="smp"),
        ),
        NetworkSpec(
            name="swin_unetr_96",
            module=".swin_unetr",
            class_name="SwinUnetr",
            input_weight=_SWIN_INPUT,
            output_weight=_SWIN_OUTPUT,
            features=96,  # as many as Swin-T
            features_step=12,
            gradient_checkpointing=True,
            classifier="swin_t",
            uncounted=_SWIN_UNCOUNTED,
            made_on_meta=False,
        ),
        NetworkSpec(
            name="swin_mim",
            module=".swin_mim",
            class_name="SwinMim",
            input_weight=_SWIN_INPUT,
            output_weight="head.weight",
            output_pixels=64**2,
            features=48,
            features_step=12,
            encoder_of=EncoderOf("swin_unetr", prefix="swinViT."),
            own_loss="masked_l1",
            uncounted=_SWIN_UNCOUNTED,
            made_on_meta=False,
        ),
    )
}


class Description(NamedTuple):
    """Facts about a network that its weights show.

    Attributes
    ----------
    network : str
        Its name.
    in_channels, out_channels : int
        Channels of the input and of the logits.
    features : int or None
        Channels of the first level; None if the network's are fixed.
    """

    network: str
    in_channels: int
    out_channels: int
    features: int | None


def network_spec(name: str) -> NetworkSpec:
    """Return the entry of a network.

    Raises
    ------
    ArgumentError
        There is no such network.
    """
    if name not in NETWORKS:
        raise ArgumentError(f"network is {name!r}; choose one of {', '.join(NETWORKS)}")
    return NETWORKS[name]


def create_model(
    name: str,
    in_channels: int,
    out_channels: int,
    *,
    features: int | None = None,
    gradient_checkpointing: bool = False,
) -> "SizedNetwork":
    """Make a network with random weights.

    Parameters
    ----------
    name : str
        "unet", "swin_unetr", "striped_wrinet", "unet_wds", "unet_resnet50" or "swin_mim": see
        `unet.UNet`, `swin_unetr.SwinUnetr`, `striped_wrinet.StripedWriNet`, `unet_wds.UNetWDS`,
        `unet_resnet50.UnetResnet50` and `swin_mim.SwinMim`. "swin_unetr_96" is Swin UNETR with
        twice the features. All weights are random; `imagenet.load_imagenet` loads ImageNet's.
    in_channels : int
        3 for RGB, 4 for RGB and texture map.
    out_channels : int
        1 for a texture map, 2 for background and wrinkle.
    features : int, optional
        Channels of the first level, on which those of all others depend: 64 for the U-Nets, 48
        for Swin UNETR and Swin MIM (which need a multiple of 12) if not given. Fewer make a
        smaller and faster network. Those of "striped_wrinet" and "unet_resnet50" are fixed.
    gradient_checkpointing : bool
        For Swin UNETR only: train with less memory, but more slowly.

    Returns
    -------
    SizedNetwork
        Takes float (B, in_channels, H, W) in -1..1 of any size, and returns logits.

    Raises
    ------
    ArgumentError
        There is no such network, a number of channels is not positive, the network cannot have
        these features or has no gradient checkpointing, or a library that it needs is not
        installed.

    Examples
    --------
    >>> sum(parameter.numel() for parameter in create_model("unet", 4, 2).parameters())
    17263618
    """
    spec = network_spec(name)
    if in_channels < 1 or out_channels < 1:
        raise ArgumentError(f"channels are {in_channels} -> {out_channels}; 1 is the minimum")
    options: dict[str, Any] = {}
    if features is not None:
        spec.require_features(features)
    if spec.features is not None:
        options["features"] = features or spec.features
    if spec.gradient_checkpointing:
        options["gradient_checkpointing"] = gradient_checkpointing
    elif gradient_checkpointing:
        able = [other.name for other in NETWORKS.values() if other.gradient_checkpointing]
        raise ArgumentError(
            f"{name} has no gradient checkpointing; the networks with it are {', '.join(able)}"
        )
    network: Any = spec.load()
    model: SizedNetwork = network(in_channels, out_channels, **options)
    return model


def fitting_crop(name: str, side: int) -> int:
    """Return the shortest side, at least as long as a given one, that needs no padding.

    Parameters
    ----------
    name : str
        Network, as for `create_model`.
    side : int
        Side of a crop, in pixels.

    Raises
    ------
    ArgumentError
        There is no such network, or a library that it needs is not installed.

    Examples
    --------
    >>> fitting_crop("unet", 250), fitting_crop("unet", 96), fitting_crop("swin_unetr", 96)
    (256, 96, 128)
    """
    from .sized import padded_side

    return padded_side(network_spec(name).load(), side)


def described(state: "Mapping[str, torch.Tensor]", recorded: object = None) -> Description:
    """Recognise the network that named weights belong to.

    Parameters
    ----------
    state : mapping
        Weights by parameter name.
    recorded : object
        The network's name as a file records it with the weights, if it does. It decides between
        networks that differ in their default features only.

    Raises
    ------
    SourceError
        They fit no network; the first few names are given.
    """
    fitting = [spec for spec in NETWORKS.values() if spec.fits(state)]
    if not fitting:
        some = ", ".join(list(state)[:3])
        raise SourceError(
            f"the weights fit none of the networks {', '.join(NETWORKS)}: "
            + (f"their names are {some}, ..." if state else "there are no named tensors")
        )
    spec = max(
        fitting,
        key=lambda candidate: (
            candidate.name == recorded,
            len(candidate.further_weights),
            candidate.features == len(state[candidate.input_weight]),
        ),
    )
    first_level, in_channels = state[spec.input_weight].shape[:2]
    out_channels = len(state[spec.output_weight]) // spec.output_pixels
    features = None if spec.features is None else first_level
    return Description(spec.name, in_channels, out_channels, features)
