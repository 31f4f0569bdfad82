"""Benchmark of `review`: the queue, the replay of decisions, and the page in a real browser."""

import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

import click
import cv2
import numpy as np
from PIL import Image
from playwright.sync_api import sync_playwright

from benchmark_annotators import make_annotations
from ffhq_wrinkle.adjudication.decisions import Decisions
from ffhq_wrinkle.adjudication.entries import Entry
from ffhq_wrinkle.adjudication.journal import FOLDER, Journal
from ffhq_wrinkle.adjudication.queue import Queue, make_queue
from ffhq_wrinkle.adjudication.tally_store import TallyStore
from ffhq_wrinkle.human_labels.annotators import (
    AnnotationSettings,
    find_annotations,
    parse_annotators,
)
from timing import print_machine, scratch

_NAMES = ("anna", "ben", "chris")
_LINES = 60
_WAIT_MS = 60_000


def make_large(folder: Path, side: int) -> list[Path]:
    """Write an image of three annotators and a photograph, and return the annotators' folders."""
    random = np.random.default_rng(0)
    folders = [folder / name for name in _NAMES]
    masks = np.zeros((len(folders), side, side), np.uint8)
    for _ in range(_LINES):
        steps = random.integers(-side // 40, side // 40 + 1, (6, 2))
        points = random.integers(side // 8, side - side // 8, 2) + steps.cumsum(axis=0)
        for mask in masks:
            moved = points + random.integers(-3, 4, points.shape)
            cv2.polylines(mask, [moved.astype(np.int32)], False, 255, 5)
    for path, mask in zip(folders, masks, strict=True):
        path.mkdir()
        Image.fromarray(mask).save(path / "00000.png")
    (folder / "photos").mkdir()
    noise = random.integers(0, 256, (side // 8, side // 8, 3), dtype=np.uint8)
    photo = cv2.resize(noise, (side, side), interpolation=cv2.INTER_CUBIC)
    Image.fromarray(photo).save(folder / "photos" / "00000.jpg", quality=95)
    return folders


def time_page(folder: Path, side: int, decisions: int) -> tuple[int, int, list[int]]:
    """Return milliseconds until masks and photograph are shown, and of each decision."""
    folders = make_large(folder, side)
    command = [sys.executable, "-m", "ffhq_wrinkle", "review", *map(str, folders), "--no-browser"]
    command += ["--out", str(folder / "out"), "--images", str(folder / "photos")]
    server = subprocess.Popen([*command, "--reviewer", "dana"], stdout=subprocess.PIPE, text=True)
    try:
        address = server.stdout.readline().strip() if server.stdout else ""
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=shutil.which("chromium"), args=["--no-sandbox"]
            )
            page = browser.new_page(viewport={"width": 1600, "height": 1000})
            page.set_default_timeout(_WAIT_MS)
            page.goto(address)
            page.wait_for_selector("body[data-view-ms][data-photo-ms]")
            view_ms = int(page.get_attribute("body", "data-view-ms") or 0)
            photo_ms = int(page.get_attribute("body", "data-photo-ms") or 0)
            taken = []
            for _ in range(decisions):
                part = page.get_attribute("body", "data-part")
                page.keyboard.press("Enter")
                page.wait_for_selector(f"body[data-state=ready]:not([data-part='{part}'])")
                taken.append(int(page.get_attribute("body", "data-saved-ms") or 0))
            browser.close()
    finally:
        server.terminate()
        server.wait()
    saved = (folder / "out" / FOLDER / "dana.jsonl").read_text().splitlines()
    if len(saved) != decisions:
        raise click.ClickException(f"{len(saved)} decisions are saved, not {decisions}")
    return view_ms, photo_ms, taken


def time_queue(folders: list[Path], out: Path, jobs: int) -> tuple[Queue, float]:
    """Make a queue as a review with results in `out` does, and return the seconds that it took."""
    annotators, settings = parse_annotators([str(path) for path in folders]), AnnotationSettings()
    started = time.perf_counter()
    annotations = find_annotations(annotators, settings)
    store = TallyStore(out, settings, len(annotators))
    queue = make_queue(annotators, annotations, settings, jobs=jobs, store=store)
    store.save(queue.keys, queue.tallies, all_images=True)
    return queue, time.perf_counter() - started


def write_decisions(folder: Path, count: int) -> None:
    """Write decisions of two reviewers, as a review saves them."""
    (folder / FOLDER).mkdir()
    shown = {"blind": False, "order": list(_NAMES), "visible": [True] * 3, "zoom": 4, "photo": True}
    for first, reviewer in enumerate(("dana", "eve")):
        with (folder / FOLDER / f"{reviewer}.jsonl").open("wb") as file:
            for sequence in range(first, count, 2):
                entry = Entry(
                    sequence=sequence + 1,
                    time="2026-01-01T00:00:00.000+00:00",
                    reviewer=reviewer,
                    action="decide",
                    image=f"{sequence // 30:05d}",
                    part=f"{sequence:016x}",
                    box=[10, 20, 30, 40],
                    choice="majority",
                    shown=shown,
                )
                file.write(entry.line())


@click.command("review")
@click.option("--count", default=1000, show_default=True, help="Images of 1024x1024 to queue.")
@click.option("--side", default=4096, show_default=True, help="Side of the image to decide on.")
@click.option("--decisions", default=20, show_default=True, help="Decisions in the browser.")
@click.option("--replayed", default=10_000, show_default=True, help="Decisions to replay.")
@click.option("--jobs", default=2, show_default=True)
def review_benchmark(count: int, side: int, decisions: int, replayed: int, jobs: int) -> None:
    """Time the queue of a review, the replay of decisions, and the page in Chromium."""
    print_machine()
    with scratch() as folder:
        folders = make_annotations(folder / "annotators", count)
        (folder / "queue").mkdir()
        for state in ("first", "resumed"):
            queue, seconds = time_queue(folders, folder / "queue", jobs)
            images = len(queue.images.images)
            print(f"queue of {images} images of three annotators, {state}: {seconds:.2f} s")
        write_decisions(folder, replayed)
        started = time.perf_counter()
        decided = Decisions(Journal(folder).read())
        seconds = time.perf_counter() - started
        print(f"replay of {sum(decided.counts().values())} decisions: {seconds:.2f} s")
        (folder / "page").mkdir()
        view_ms, photo_ms, taken = time_page(folder / "page", side, decisions)
        print(
            f"{side}x{side}, first view: masks after {view_ms} ms, photograph after {photo_ms} ms"
        )
        median = statistics.median(taken)
        print(f"{side}x{side}, decision: median {median:.0f} ms ({min(taken)} to {max(taken)})")
