"""Benchmark of `import-labels` on brushes of Label Studio, against the tool's own decoder."""

import importlib.util
import json
import shutil
import statistics
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import click
import cv2
import numpy as np
from PIL import Image

from ffhq_wrinkle.annotation_tools.importing import import_folder
from timing import SIDE, in_turns, print_machine, scratch

_SIZES = (3, 4, 8, 16)
_LINES = 25


def brush(random: np.random.Generator) -> np.ndarray:
    """Draw antialiased crooked lines 3 pixels wide, alpha of uint8."""
    canvas = np.zeros((SIDE, SIDE), np.uint8)
    for _ in range(_LINES):
        steps = random.integers(-40, 41, (7, 2))
        points = random.integers(100, SIDE - 100, 2) + steps.cumsum(axis=0)
        cv2.polylines(canvas, [points.astype(np.int32)], False, 255, 2, cv2.LINE_AA)
    return canvas


def packed(levels: np.ndarray) -> list[int]:
    """Encode alpha as RGBA of equal channels, as Label Studio does."""
    flat = levels.ravel()
    starts = np.concatenate([[0], np.flatnonzero(flat[1:] != flat[:-1]) + 1])
    lengths = 4 * np.diff(starts, append=flat.size)
    text = [f"{4 * flat.size:032b}00111", *(f"{size - 1:04b}" for size in _SIZES)]
    for start, length in zip(starts.tolist(), lengths.tolist(), strict=True):
        for rest in range(length, 0, -(1 << 16)):
            run = min(rest, 1 << 16) - 1
            choice = next(number for number, size in enumerate(_SIZES) if run < 1 << size)
            text.append(f"1{choice:02b}{run:0{_SIZES[choice]}b}{flat[start]:08b}")
    bits = "".join(text)
    bits += "0" * (-len(bits) % 8)
    return list(int(bits, 2).to_bytes(len(bits) // 8, "big"))


def regions(number: int, different: int, cache: dict[int, str]) -> str:
    """Return the regions of one annotation as JSON."""
    key = number % different
    if key not in cache:
        value = {"format": "rle", "rle": packed(brush(np.random.default_rng(key)))}
        region = {
            "id": "a",
            "type": "brushlabels",
            "original_width": SIDE,
            "original_height": SIDE,
            "value": {**value, "brushlabels": ["wrinkle"]},
        }
        cache[key] = json.dumps([region])
    return cache[key]


def write_export(path: Path, tasks: int, different: int) -> None:
    """Write the JSON of tasks of three annotators each."""
    cache: dict[int, str] = {}
    with path.open("w") as file:
        file.write("[")
        for task in range(tasks):
            annotations = ", ".join(
                f'{{"id": {3 * task + person}, "completed_by": {person}, '
                f'"result": {regions(3 * task + person, different, cache)}}}'
                for person in range(3)
            )
            comma = ", " if task else ""
            name = f"{task:05d}.png"
            file.write(
                f'{comma}{{"id": {task}, "data": {{"image": "{name}"}}, '
                f'"annotations": [{annotations}]}}'
            )
        file.write("]")


def load_sdk(folder: Path) -> ModuleType:
    """Load the brush module of an installation of label-studio-sdk, and nothing else of it."""
    path = folder / "label_studio_sdk" / "converter" / "brush.py"
    spec = importlib.util.spec_from_file_location("label_studio_brush", path)
    if spec is None or spec.loader is None or not path.exists():
        raise click.ClickException(f"there is no {path}")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def naive_import(sdk: ModuleType, path: Path, out: Path) -> None:
    """Write the PNG files of an export by the SDK, as its converter does."""
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir()
    for task in json.loads(path.read_text()):
        for annotation in task["annotations"]:
            results = [{**region, **region["value"]} for region in annotation["result"]]
            sdk.save_brush_images_from_annotation(
                task["id"], annotation["id"], annotation["completed_by"], "brush", results,
                str(out), "png",
            )  # fmt: skip


def peak_mb(path: Path, out: Path, jobs: int) -> float:
    """Import in a process of its own, and return the most memory that it had, in MB."""
    # Not getrusage, whose figure a new process takes over from the one that started it.
    code = (
        "import sys; from pathlib import Path;"
        "from ffhq_wrinkle.annotation_tools.importing import import_folder;"
        f"import_folder([Path(sys.argv[1])], Path(sys.argv[2]), jobs={jobs});"
        "lines = Path('/proc/self/status').read_text().splitlines();"
        "print([line.split()[1] for line in lines if line.startswith('VmHWM')][0])"
    )
    command = [sys.executable, "-c", code, str(path), str(out)]
    return int(subprocess.check_output(command, text=True).split()[-1]) / 1024


def _masks(out: Path) -> Iterator[tuple[str, Any]]:
    for path in sorted(out.rglob("*.png")):
        yield path.name, np.asarray(Image.open(path))


@click.command("import-labels")
@click.option(
    "--sdk",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder into which label-studio-sdk was installed: pip install --no-deps --target "
    "FOLDER label-studio-sdk.",
)
@click.option("--tasks", default=1000, show_default=True, help="Tasks of three annotators each.")
@click.option("--naive-tasks", default=5, show_default=True, help="Tasks for the SDK's loop.")
@click.option("--different", default=30, show_default=True, help="Number of different brushes.")
@click.option("--rounds", default=3, show_default=True, help="Turns of each way.")
@click.option("--jobs", default=2, show_default=True)
def import_labels_benchmark(
    sdk: Path | None, tasks: int, naive_tasks: int, different: int, rounds: int, jobs: int
) -> None:
    """Time import-labels on brushes of three annotators against the loop of label-studio-sdk."""
    print_machine()
    with scratch() as folder:
        export, few = folder / "export.json", folder / "few.json"
        write_export(export, tasks, different)
        write_export(few, naive_tasks, different)
        kilobytes = export.stat().st_size / 3e3 / tasks
        print(f"3 x {tasks} brushes of {SIDE}x{SIDE}, {kilobytes:.0f} kB of JSON each")

        def ours() -> None:
            import_folder([export], folder / "out", jobs=jobs, overwrite=True)

        if sdk is None:
            (taken,) = in_turns(rounds, ours)
        else:
            module = load_sdk(sdk)
            taken, naive = in_turns(
                rounds, ours, lambda: naive_import(module, few, folder / "naive")
            )
        each = [1000 * seconds / 3 / tasks for seconds in taken]
        print(
            f"import-labels, {jobs} jobs: {statistics.median(each):.2f} ms per mask "
            f"({min(each):.2f} to {max(each):.2f})"
        )
        if sdk is not None:
            naive_each = [1000 * seconds / 3 / naive_tasks for seconds in naive]
            ratio = statistics.median(naive_each) / statistics.median(each)
            print(
                f"label-studio-sdk:      {statistics.median(naive_each):.1f} ms per mask "
                f"({min(naive_each):.1f} to {max(naive_each):.1f}), {ratio:.1f} times as long"
            )
            _compare(folder / "out", folder / "naive", naive_tasks)
        sizes = [tasks // 10 or 1, tasks]
        peaks = []
        for size in sizes:
            write_export(export, size, different)
            peaks.append(peak_mb(export, folder / f"memory{size}", jobs))
        print(f"memory: {peaks[0]:.0f} MB for {sizes[0]} tasks, {peaks[1]:.0f} MB for {sizes[1]}")


def _compare(out: Path, naive: Path, tasks: int) -> None:
    """Check that each mask has the pixels at which the SDK's has a level of at least 128."""
    theirs = {}
    for name, levels in _masks(naive):
        _, task, _, annotation, *_ = name.split("-")
        theirs[int(task), int(annotation) % 3] = levels >= 128
    for (number, person), expected in theirs.items():
        path = out / f"annotator_{person + 1}" / f"{number:05d}.png"
        if not np.array_equal(np.asarray(Image.open(path)) > 0, expected):
            raise click.ClickException(f"{path} differs from the SDK's")
    print(f"the {len(theirs)} masks of both are the same ({tasks} tasks)")
