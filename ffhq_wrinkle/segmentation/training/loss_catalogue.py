"""Loss catalogue: the losses that a recipe can name, one entry each.

A new loss is one entry here and one `objectives.Objective`. This module does not load PyTorch, so
that recipes can be read quickly. A network that only one loss can train names it in its own entry,
`catalogue.NetworkSpec.own_loss`.
"""

from dataclasses import dataclass

from ..training_data.samples import Stage


@dataclass(frozen=True, kw_only=True)
class LossSpec:
    """Facts about a loss that the package needs without loading PyTorch.

    Attributes
    ----------
    name : str
        Its name in recipes and options.
    stage : {"pretrain", "finetune"}
        Stage of training that it is for.
    out_channels : int
        Output channels of the network that it trains.
    module, class_name : str
        Where its `objectives.Objective` is; a module of this package begins with a dot.
    needs_weak : bool
        Whether it needs weak masks and face masks besides images.
    """

    name: str
    stage: Stage
    out_channels: int
    module: str = ".objectives"
    class_name: str
    needs_weak: bool = True


LOSSES = {
    spec.name: spec
    for spec in (
        LossSpec(name="mse", stage="pretrain", out_channels=1, class_name="TextureObjective"),
        LossSpec(
            name="denoising",
            stage="pretrain",
            out_channels=3,
            class_name="DenoisingObjective",
            needs_weak=False,
        ),
        LossSpec(
            name="masked_l1",
            stage="pretrain",
            out_channels=3,
            class_name="MaskedImageObjective",
            needs_weak=False,
        ),
        LossSpec(name="soft_dice", stage="finetune", out_channels=2, class_name="WrinkleObjective"),
        LossSpec(
            name="weighted_deep_supervision",
            stage="finetune",
            out_channels=2,
            class_name="DeeplySupervisedObjective",
        ),
    )
}
