"""Initial: the network as a stage of training begins with it."""

import logging
from pathlib import Path

import torch

from ...inference.weights import named_tensors, read_weights
from ..checkpoints.imagenet import STAND_IN, carry_imagenet, imagenet_stand_in, load_imagenet
from ..checkpoints.pretrained import load_pretrained
from ..networks.catalogue import create_model
from ..networks.sized import SizedNetwork
from .recipes import StageConfig

log = logging.getLogger(__name__)


def initial_network(
    config: StageConfig, *, seed: int, init: Path | None = None, weights: Path | None = None
) -> SizedNetwork:
    """Make a stage's network, random but for what is carried into it.

    Parameters
    ----------
    config : StageConfig
        Which network, and what it begins with.
    seed : int
        Of its random weights; those of the process's generator stay as they are.
    init : Path, optional
        A checkpoint, such as of the stage before; see `pretrained.load_pretrained`.
    weights : Path, optional
        ImageNet's weights, if `config` asks for them; fetched once if not given.

    Raises
    ------
    ArgumentError, SourceError
        As `catalogue.create_model`, `pretrained.load_pretrained` and `imagenet.load_imagenet`.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = create_model(
            config.network,
            config.in_channels,
            config.out_channels,
            gradient_checkpointing=config.gradient_checkpointing,
        )
    if init:
        carried = load_pretrained(model, named_tensors(read_weights(init)), source=str(init))
        log.info("from %s: %s", init, carried.summary())
    elif config.initial == "imagenet":
        log.info("from ImageNet: %s", load_imagenet(model, config.network, weights).summary())
    elif config.initial == STAND_IN:
        stand_in = imagenet_stand_in(config.network, seed)
        carried = carry_imagenet(model, config.network, stand_in)
        log.warning("random weights stand in for ImageNet's: %s", carried.summary())
    return model
