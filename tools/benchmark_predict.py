"""Benchmark of `predict`: one network at one size, on this machine's device."""

import statistics
from collections.abc import Callable, Sequence
from pathlib import Path

import click
import numpy as np
import torch

from ffhq_wrinkle.inference.devices import choose_device, laid_out
from ffhq_wrinkle.segmentation.checkpoints.checkpoint import load_checkpoint, save_checkpoint
from ffhq_wrinkle.segmentation.networks.catalogue import NETWORKS, create_model
from ffhq_wrinkle.segmentation.prediction.network_files import load_network
from ffhq_wrinkle.segmentation.prediction.onnx_export import export_onnx
from ffhq_wrinkle.weak_labels.texture import TextureSettings
from timing import SIDE, in_turns, print_machine, scratch


def make_checkpoint(folder: Path, network: str) -> Path:
    """Write random weights, which run as fast as trained ones."""
    torch.manual_seed(0)
    path = folder / "weights.pt"
    model = create_model(network, 4, 2)
    save_checkpoint(path, model, network, texture=TextureSettings(), side=SIDE)
    return path


def face_ellipse(side: int) -> np.ndarray:
    """Return a face mask, bool (side, side), whose box has 0.44 of the pixels."""
    place = np.arange(side) / side
    inside: np.ndarray = ((place[:, None] - 0.55) / 0.37) ** 2 + ((place - 0.5) / 0.3) ** 2 < 1
    return inside


@click.command("predict")
@click.option("--network", type=click.Choice(NETWORKS), default="unet", show_default=True)
@click.option("--rounds", default=7, show_default=True, help="Turns of each way.")
@click.option("--side", default=SIDE, show_default=True, help="Side of the image in pixels.")
@click.option("--device", default="auto", show_default=True)
@click.option("--batch-size", default=1, show_default=True)
@click.option("--onnx/--no-onnx", default=True, help="Also time ONNX Runtime.")
def predict_benchmark(
    network: str, rounds: int, side: int, device: str, batch_size: int, onnx: bool
) -> None:
    """Time prediction against an eager loop (channels last, inference mode, no copies).

    The images are noise in an ellipse of the size of a face in FFHQ, and black outside.
    """
    print_machine()
    chosen = choose_device(device)
    images = np.random.default_rng(0).integers(0, 256, (batch_size, side, side, 4), np.uint8)
    face = face_ellipse(side)
    images[:, ~face] = 0
    rows, columns = np.ix_(face.any(axis=1), face.any(axis=0))
    with scratch() as folder:
        path = make_checkpoint(folder, network)
        model = load_checkpoint(path).model.to(chosen)
        model = laid_out(model, torch.channels_last)
        x = torch.from_numpy(images).permute(0, 3, 1, 2).to(chosen).float().div(255).mul(2).sub(1)
        ours = load_network(path, device=device, batch_size=batch_size)
        tracked = chosen.type == "cuda"

        def eager() -> np.ndarray:
            with torch.inference_mode():
                logits = model(x)
                return np.asarray((logits[:, 1] - logits[:, 0]).cpu().numpy())

        ways: dict[str, Callable[[], Sequence[np.ndarray] | np.ndarray]] = {
            "eager loop": eager,
            "ours": lambda: ours.logits(list(images)),
        }
        if onnx:
            export_onnx(path, folder / "weights.onnx")
            graph = load_network(folder / "weights.onnx", device=device, batch_size=batch_size)
            ways["ours, ONNX Runtime"] = lambda: graph.logits(list(images))
        expected = eager()[:, rows, columns]
        for name, way in ways.items():
            difference = np.abs(np.stack(list(way()))[:, rows, columns] - expected).max()
            print(f"{name:20} differs in the box of the face by at most {difference:.1e}")
        if tracked:
            torch.cuda.reset_peak_memory_stats()
        timed = in_turns(rounds, *ways.values())
        base = statistics.median(timed[0])
        print(f"{network}, {batch_size} x {side}x{side}, {chosen}")
        for name, seconds in zip(ways, timed, strict=True):
            each = [1000 * taken / batch_size for taken in seconds]
            print(
                f"{name:20} median {statistics.median(each):7.1f} ms per image "
                f"({min(each):.1f} to {max(each):.1f}), {base / statistics.median(seconds):.2f} "
                "times as fast as the eager loop"
            )
        if tracked:
            print(f"peak GPU memory {torch.cuda.max_memory_allocated() / 1e9:.1f} GB")
