"""Benchmarks of `build-weak` on synthetic images.

Each image is the astronaut that scikit-image ships, upsampled, with its own noise, which makes the
files as large as FFHQ's.
"""

import contextlib
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import click
import cv2
import numpy as np
import psutil
import torch
from facexlib.parsing.bisenet import BiSeNet
from PIL import Image
from torchvision.transforms.functional import normalize, to_tensor

from demo import aligned_astronaut
from ffhq_wrinkle.dataset.layout import released_path
from ffhq_wrinkle.faces.bisenet import BiSeNetParser, Engine
from ffhq_wrinkle.faces.labels import FaceParser, face_mask, read_label_map
from ffhq_wrinkle.faces.mesh_parser import MeshParser
from ffhq_wrinkle.faces.ready_labels import ReadyLabels
from ffhq_wrinkle.images.photographs import read_image
from ffhq_wrinkle.images.png import encode_png
from ffhq_wrinkle.storage.writing import write_bytes
from ffhq_wrinkle.weak_labels.texture import masked_texture_map, texture_map
from ffhq_wrinkle.weak_labels.weak import build_weak
from ffhq_wrinkle.weak_labels.weak_work import ByProducts
from timing import SIDE, in_turns, print_machine, report, scratch

LabelsOf = Callable[[Path, Image.Image], np.ndarray]
NOISE = 1.2  # standard deviation that makes the PNG about 1.3 MB, as FFHQ's are


def make_images(folder: Path, count: int, side: int = SIDE) -> tuple[Path, Path]:
    """Write `count` images in the released layout and their label maps; return both folders."""
    images, labels = folder / "images1024x1024", folder / "face_parsed_labels"
    labels.mkdir(parents=True)
    face = cv2.resize(aligned_astronaut(), (side, side), interpolation=cv2.INTER_CUBIC)
    label_map = MeshParser()([face], ["astronaut"])[0]

    def write(number: int) -> None:
        noise = np.random.default_rng(number).normal(0, NOISE, face.shape)
        path = images / released_path(f"{number:05d}", ".png")
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.clip(face + noise, 0, 255).astype(np.uint8)).save(path)
        np.save(labels / f"{path.stem}.npy", label_map)

    with ThreadPoolExecutor() as pool:
        for _ in pool.map(write, range(count)):
            pass
    return images, labels


def make_many(folder: Path, count: int, *, different: int) -> tuple[Path, Path]:
    """Write `different` images as `make_images` does, and hard links to them up to `count`."""
    images, labels = make_images(folder, different)
    for number in range(different, count):
        first = released_path(f"{number % different:05d}", ".png")
        name = released_path(f"{number:05d}", ".png")
        (images / name).parent.mkdir(exist_ok=True)
        (images / name).hardlink_to(images / first)
        (labels / f"{number:05d}.npy").hardlink_to(labels / f"{number % different:05d}.npy")
    return images, labels


def make_weights(path: Path) -> BiSeNet:
    """Write random weights for BiSeNet, which run as fast as trained ones; return the network."""
    torch.manual_seed(0)
    network = BiSeNet(num_class=19)
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.normal_(module.get_buffer("running_mean"), 0, 0.1)
            torch.nn.init.uniform_(module.get_buffer("running_var"), 0.5, 1.5)
    torch.save(network.state_dict(), path)
    return network.eval()


def naive_labels(network: BiSeNet, image: Image.Image) -> np.ndarray:
    """Parse one image as facexlib's and zllrunning's examples do."""
    small = image.resize((512, 512), Image.Resampling.BILINEAR)
    x = normalize(to_tensor(small), (0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    with torch.no_grad():
        return np.asarray(network(x[None])[0][0].numpy().argmax(0))


def naive_build_weak(images: Sequence[Path], out: Path, labels_of: LabelsOf) -> None:
    """Make weak masks in a plain loop."""
    out.mkdir(exist_ok=True)
    for path in images:
        image = Image.open(path).convert("RGB")
        gray = cv2.cvtColor(np.array(image), cv2.COLOR_RGB2GRAY).astype(np.float32)
        response = (1 - gray / (1 + cv2.GaussianBlur(gray, (21, 21), 5))) * 255
        texture = np.clip(np.round(response), 0, 255).astype(np.uint8)
        small_face = np.isin(labels_of(path, image), (1, 10)).astype(np.uint8)
        face = cv2.resize(small_face, image.size, interpolation=cv2.INTER_NEAREST)
        Image.fromarray(texture * face).save(out / path.name)


@click.command("build-weak")
@click.option("--parser", type=click.Choice(["labels", "bisenet"]), multiple=True)
@click.option("--engine", type=click.Choice(["auto", "torch", "ncnn"]), default="auto")
@click.option("--count", default=24, show_default=True, help="Images of 1024x1024.")
@click.option("--rounds", default=5, show_default=True, help="Turns of each way.")
@click.option("--jobs", default=2, show_default=True)
def build_weak_benchmark(
    parser: tuple[str, ...], engine: Engine, count: int, rounds: int, jobs: int
) -> None:
    """Time `build_weak` against a naive script, with existing label maps and with BiSeNet."""
    print_machine()
    with scratch() as folder:
        images, labels = make_images(folder, count)
        paths = sorted(images.rglob("*.png"))
        print(f"{count} images of {SIDE}x{SIDE}, {paths[0].stat().st_size / 1e6:.2f} MB as PNG")
        network = make_weights(folder / "weights.pth")
        parsers: dict[str, tuple[FaceParser, LabelsOf]] = {
            "labels": (ReadyLabels(labels), lambda path, _: np.load(labels / f"{path.stem}.npy")),
            "bisenet": (
                BiSeNetParser(folder / "weights.pth", device="cpu", engine=engine),
                lambda _, image: naive_labels(network, image),
            ),
        }
        for name in parser or tuple(parsers):
            ours, labels_of = parsers[name]

            def run_naive(name: str = name, labels_of: LabelsOf = labels_of) -> None:
                naive_build_weak(paths, folder / f"naive_{name}", labels_of)

            def run_ours(name: str = name, ours: FaceParser = ours) -> None:
                build_weak(images, folder / f"ours_{name}", parser=ours, jobs=jobs, overwrite=True)

            run_naive()
            kept = ByProducts(labels=folder / f"labels_{name}")
            build_weak(images, folder / f"check_{name}", parser=ours, by_products=kept)
            compare(folder, name, paths, labels_of)

            def run_coding(name: str = name) -> None:
                masks = [folder / f"check_{name}" / path.relative_to(images) for path in paths]
                decode_and_encode(paths, masks, jobs)

            print(f"build-weak {name}: engine {ours.settings().get('engine', 'torch')}")
            turns = in_turns(rounds, run_naive, run_ours, run_coding)
            naive_seconds, our_seconds, coding_seconds = turns
            report(f"build-weak {name}", count, jobs, naive_seconds, our_seconds)
            pairs = zip(our_seconds, coding_seconds, strict=True)
            ratios = [our_s / coding_s for our_s, coding_s in pairs]
            print(
                f"build-weak {name}: {statistics.median(ratios):.2f} ({min(ratios):.2f} to "
                f"{max(ratios):.2f}) times as long as only decoding images and encoding masks"
            )


def decode_and_encode(images: Sequence[Path], masks: Sequence[Path], jobs: int) -> None:
    """Decode the images and encode masks on `jobs` threads: the least that any script must do."""
    weak = read_image(masks[0])[:, :, 0]
    with ThreadPoolExecutor(jobs) as pool:
        for _ in pool.map(lambda path: (read_image(path), encode_png(weak)), images):
            pass


def compare(
    folder: Path,
    name: str,
    paths: Sequence[Path],
    labels_of: LabelsOf,
) -> None:
    """Print how far our results and the naive ones differ, before anything is timed."""
    labels_differ, masks_differ, sizes = [], [], []
    for path in paths:
        label_map = np.load(folder / f"labels_{name}" / f"{path.stem}.npy")
        expected = labels_of(path, Image.open(path).convert("RGB"))
        labels_differ.append((label_map != expected).mean())
        mask = folder / f"check_{name}" / released_path(path.stem, ".png")
        naive = folder / f"naive_{name}" / path.name
        masks_differ.append((np.array(Image.open(mask)) != np.array(Image.open(naive))).mean())
        sizes.append(mask.stat().st_size / naive.stat().st_size)
    print(
        f"build-weak {name}: {np.mean(labels_differ):.1e} of the labels and "
        f"{np.mean(masks_differ):.1e} of the mask pixels differ from the naive script's; "
        f"the PNG files are {np.mean(sizes):.2f} times as large"
    )


@click.command()
@click.option("--rounds", default=50, show_default=True, help="Rounds of timing.")
def steps(rounds: int) -> None:
    """Time each step for one image, on one core, with an existing label map."""
    print_machine()
    cv2.setNumThreads(1)
    with scratch() as folder:
        images, labels = make_images(folder, 1)
        path, label_path = next(images.rglob("*.png")), next(labels.iterdir())
        image, label_map = read_image(path), read_label_map(label_path)
        face = face_mask(label_map, image.shape[:2])
        weak = masked_texture_map(image, face)
        png = encode_png(weak)
        ways: dict[str, Callable[[], object]] = {
            "read the image": lambda: read_image(path),
            "read the label map": lambda: read_label_map(label_path),
            "face mask": lambda: face_mask(label_map, image.shape[:2]),
            "texture inside the face": lambda: masked_texture_map(image, face),
            "encode the mask": lambda: encode_png(weak),
            "write the mask": lambda: write_bytes(folder / "mask.png", png),
            "(texture of the whole image)": lambda: texture_map(image),
        }
        for name, seconds in zip(ways, in_turns(rounds, *ways.values()), strict=True):
            print(f"{name:30} {1000 * statistics.median(seconds):6.2f} ms")


@click.command()
@click.option("--count", default=2000, show_default=True, help="Images of 1024x1024.")
@click.option("--jobs", default=2, show_default=True)
def memory(count: int, jobs: int) -> None:
    """Print the peak memory of `build-weak` in each hundred images of a run."""
    print_machine()
    with scratch() as folder:
        images, _ = make_many(folder, count, different=20)
        command = Path(sys.executable).with_name("ffhq-wrinkle")
        options = ["--parser", "labels", "--jobs", str(jobs)]
        process = psutil.Popen([command, "--quiet", "build-weak", images, folder / "out", *options])
        peaks: dict[int, int] = {}
        while process.poll() is None:
            with contextlib.suppress(psutil.Error):
                done = sum(1 for _ in folder.glob("out/0*/*.png")) // 100
                peaks[done] = max(peaks.get(done, 0), process.memory_info().rss)
            time.sleep(0.05)
        for hundred, peak in sorted(peaks.items()):
            print(f"{100 * hundred:6} to {100 * hundred + 99:6} images done: {peak / 1e6:6.0f} MB")
