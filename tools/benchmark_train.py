"""Benchmark of training: our loop against a plain PyTorch loop, on the same files."""

import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
import cv2
import numpy as np
import torch
from lightning_fabric import Fabric
from PIL import Image
from torch.utils.data import DataLoader, Dataset

from benchmark_augment import peer_augmentation
from ffhq_wrinkle.images.png import encode_png
from ffhq_wrinkle.runs.opencv_threads import one_opencv_thread
from ffhq_wrinkle.segmentation.augmentation.augmentation import AugmentSettings
from ffhq_wrinkle.segmentation.networks.catalogue import NETWORKS, create_model
from ffhq_wrinkle.segmentation.training.preparation import StageData
from ffhq_wrinkle.segmentation.training.recipes import StageConfig
from ffhq_wrinkle.segmentation.training.settings import TrainSettings
from ffhq_wrinkle.segmentation.training.trainer import StageTrainer
from ffhq_wrinkle.segmentation.training_data.samples import Sample
from ffhq_wrinkle.storage.writing import write_bytes
from ffhq_wrinkle.weak_labels.texture import TextureSettings
from timing import print_machine, report, scratch


class PlainSamples(Dataset[tuple[torch.Tensor, torch.Tensor]]):
    """Samples of the plain loop: read by Pillow, augmented by albumentations, scaled."""

    def __init__(self, files: Sequence[Sequence[Path]], side: int) -> None:
        self.files = files
        self.augmented = peer_augmentation(side, AugmentSettings(), approximate=False)

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        image, mask, texture, inside = (np.array(Image.open(path)) for path in self.files[index])
        image[inside == 0] = 0
        sample = self.augmented(image=np.dstack([image, texture]), mask=mask)
        channels = torch.from_numpy(sample["image"]).permute(2, 0, 1).float() / 255 * 2 - 1
        return channels, torch.from_numpy(sample["mask"]).float() / 255


def plain_epoch(
    model: torch.nn.Module, optimizer: torch.optim.Optimizer, loader: DataLoader[Any]
) -> float:
    """Return the seconds of an epoch of PyTorch's tutorial loop: float32, contiguous."""
    device = next(model.parameters()).device
    batches = iter(loader)
    started = time.monotonic()
    for images, wrinkle in batches:
        optimizer.zero_grad()
        probability = model(images.to(device)).softmax(dim=1)
        wrinkle = wrinkle.to(device)
        truth = torch.stack([1 - wrinkle, wrinkle], dim=1)
        both = (probability * truth).sum((0, 2, 3))
        loss = 1 - (2 * both / (probability + truth).sum((0, 2, 3))).mean()
        loss.backward()
        optimizer.step()
        loss.item()  # for the log; it also waits for the GPU
    return time.monotonic() - started


def make_files(folder: Path, count: int, side: int) -> list[list[Path]]:
    """Write blurred noise as images, masks, texture maps and face masks; it loads as real ones."""
    random = np.random.default_rng(0)
    files = []
    for number in range(count):
        pixels = cv2.GaussianBlur(random.integers(0, 256, (side, side, 4), np.uint8), (0, 0), 3)
        lines = (pixels[:, :, 3] > np.quantile(pixels[:, :, 3], 0.99)) * np.uint8(255)
        whole = np.full((side, side), 255, np.uint8)
        arrays = [np.ascontiguousarray(pixels[:, :, :3]), lines, pixels[:, :, 3].copy(), whole]
        paths = [folder / f"{number:05d}_{kind}.png" for kind in range(len(arrays))]
        for path, array in zip(paths, arrays, strict=True):
            write_bytes(path, encode_png(array))
        files.append(paths)
    return files


def our_epoch(
    fabric: Fabric,
    network: str,
    samples: Sequence[Sample],
    *,
    batch_size: int,
    workers: int,
    compile_model: bool,
) -> float:
    """Return the seconds of an epoch of our loop, without validation and saving at its end."""
    config = StageConfig(
        network=network,
        input="rgb+texture",
        loss="soft_dice",
        epochs=1,
        batch_size=batch_size,
        peak_rate=1e-4,
        first_period=50,
    )
    with tempfile.TemporaryDirectory(prefix="ffhq-wrinkle-benchmark-") as folder:
        trainer = StageTrainer(
            fabric,
            create_model(network, 4, 2),
            Path(folder),
            config,
            StageData(samples, samples[:1], [], TextureSettings(), sha256=""),
            settings=TrainSettings(compile=compile_model),
            record={},
            more={},
            workers=workers,
        )
        trainer.setup()
        trainer.fit()
        return float(trainer.progress.history[-1]["seconds"])


@click.command("train")
@click.option("--network", type=click.Choice(NETWORKS), default="unet", show_default=True)
@click.option("--rounds", default=5, show_default=True, help="Turns of each way.")
@click.option("--side", default=256, show_default=True, help="Side of the images in pixels.")
@click.option("--batch-size", default=4, show_default=True)
@click.option("--steps", default=6, show_default=True, help="Steps of each turn.")
@click.option("--workers", default=1, show_default=True, help="Data loader workers of each way.")
@click.option("--accelerator", default="cpu", show_default=True, help="cpu or cuda.")
@click.option("--precision", default="32", show_default=True, help="Precision of ours: 32 or bf16.")
@click.option("--compile", "compile_model", is_flag=True, help="Compile our network with PyTorch.")
def train_benchmark(
    network: str,
    rounds: int,
    side: int,
    batch_size: int,
    steps: int,
    workers: int,
    accelerator: str,
    precision: str,
    compile_model: bool,
) -> None:
    """Time training from RGB and texture against a plain loop with albumentations."""
    print_machine()
    kind: Any = {"32": "32-true", "bf16": "bf16-mixed"}[precision]
    fabric = Fabric(accelerator=accelerator, devices=1, precision=kind)
    on_gpu = accelerator == "cuda"
    model = create_model(network, 4, 2).to(fabric.device)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, weight_decay=0.05, fused=False)
    seconds: dict[str, list[float]] = {"plain": [], "ours": []}
    peaks = dict.fromkeys(seconds, 0)
    with scratch() as folder, one_opencv_thread():
        files = make_files(folder, steps * batch_size, side)
        samples = [
            Sample(image.stem, image, mask, texture, face) for image, mask, texture, face in files
        ]
        plain = DataLoader(
            PlainSamples(files, side),
            batch_size=batch_size,
            shuffle=True,
            num_workers=workers,
        )
        for number in range(rounds + 1):  # the first does not count
            for name in seconds:
                if on_gpu:
                    torch.cuda.reset_peak_memory_stats()
                if name == "plain":
                    taken = plain_epoch(model, optimizer, plain)
                else:
                    taken = our_epoch(
                        fabric,
                        network,
                        samples,
                        batch_size=batch_size,
                        workers=workers,
                        compile_model=compile_model,
                    )
                if number:
                    seconds[name].append(taken)
                if on_gpu:
                    peaks[name] = max(peaks[name], torch.cuda.max_memory_allocated())
    report("training", steps * batch_size, workers, seconds["plain"], seconds["ours"])
    for name, peak in peaks.items() if on_gpu else ():
        print(f"{name}: at most {peak / 1e9:.1f} GB of GPU memory")
