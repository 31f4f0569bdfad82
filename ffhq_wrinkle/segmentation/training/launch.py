"""Launch: the processes and devices of a run, and the software that computes it."""

import os
import platform
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib import metadata
from typing import Any, TypeVar

import torch
from lightning_fabric import Fabric

from ... import __version__
from ...errors import ArgumentError
from ...inference.devices import choose_device
from .settings import TrainPrecision

_FABRIC_PRECISION: dict[TrainPrecision, Any] = {
    "32": "32-true",
    "bf16": "bf16-mixed",
    "64": "64-true",
}
_LIBRARIES = (
    *("torch", "torchvision", "monai", "lightning-fabric", "numpy", "opencv-python"),
    *("segmentation-models-pytorch", "timm"),  # of an extra
)

Made = TypeVar("Made")


def launch(accelerator: str, devices: int, precision: TrainPrecision) -> Fabric:
    """Start the processes of a run, one for each device; under torchrun, use those it started.

    Raises
    ------
    ArgumentError
        The machine has no such device, or the device does not support the precision.
    """
    if accelerator in ("cuda", "mps"):
        choose_device(accelerator)
    nodes = 1
    if "TORCHELASTIC_RUN_ID" in os.environ:
        devices = int(os.environ["LOCAL_WORLD_SIZE"])
        nodes = int(os.environ["WORLD_SIZE"]) // devices
    try:
        fabric = Fabric(
            accelerator=accelerator,
            devices=devices,
            num_nodes=nodes,
            precision=_FABRIC_PRECISION[precision],
        )
    except (RuntimeError, ValueError, TypeError) as error:
        reason = " ".join(str(error).split())
        raise ArgumentError(f"--accelerator {accelerator} --devices {devices}: {reason}") from error
    fabric.launch()
    return fabric


def made_by_first(fabric: Fabric, make: Callable[[], Made]) -> Made:
    """Have the first process of a run make something, and return it on all of them.

    Parameters
    ----------
    fabric : Fabric
        Launched. All its processes must call this.
    make : callable
        Called on the first process. Its result must not be None, and is pickled for the others.

    Raises
    ------
    SystemExit
        On the other processes, if `make` raised an error on the first, which passes it on.
    """
    made = None
    try:
        if fabric.is_global_zero:
            made = make()
    finally:
        # The other processes must learn of a failure, or they would wait forever.
        made = fabric.broadcast(made)
    if made is None:
        raise SystemExit(1)
    return made


@contextmanager
def only_deterministic(*, wanted: bool) -> Iterator[None]:
    """Let PyTorch use only algorithms that give the same result each time, if that is wanted."""
    before = torch.are_deterministic_algorithms_enabled()
    if wanted:
        # cuBLAS is deterministic only with this setting, which it reads when it starts.
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.use_deterministic_algorithms(True)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before)


def versions() -> dict[str, str]:
    """Return the versions of Python and of the installed libraries that affect the numbers."""
    installed = {"ffhq-wrinkle": __version__, "python": platform.python_version()}
    for name in _LIBRARIES:
        with suppress(metadata.PackageNotFoundError):
            installed[name] = metadata.version(name)
    return installed
