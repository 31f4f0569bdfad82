"""Benchmark of `download`: planning and verifying a complete data set."""

import contextlib
import csv
import subprocess
import sys
import time
from pathlib import Path

import click
import psutil

from ffhq_wrinkle.downloads.ledger import LEDGER, LedgerRow
from ffhq_wrinkle.downloads.verification import file_hashes
from ffhq_wrinkle.downloads.wanted_files import place_of
from timing import print_machine, scratch


def make_complete(data: Path, count: int) -> None:
    """Write `count` tiny files in the released layout, and the ledger that lists them."""
    with (data / LEDGER).open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(LedgerRow._fields)
        for number in range(count):
            place = place_of(f"{number:05d}")
            path = data / place
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(number.to_bytes(8, "big"))
            status = path.stat()
            digest = f"sha256:{file_hashes(path, 'sha256')['sha256']}"
            row = (place, "made", status.st_size, digest, status.st_mtime_ns, "verified", "")
            table.writerow(row)


@click.command("download")
@click.option("--count", default=50_000, show_default=True, help="Files.")
def download_benchmark(count: int) -> None:
    """Time a second `download images` into a complete data set, without and with --verify."""
    print_machine()
    command = Path(sys.executable).with_name("ffhq-wrinkle")
    with scratch() as folder:
        make_complete(folder, count)
        for verify in (False, True):
            options = ["--ids", f"0-{count - 1}", *(["--verify"] if verify else [])]
            run = [str(command), "--quiet", "download", "images", str(folder), *options]
            started, peak = time.perf_counter(), 0
            process = psutil.Popen(run, stdout=subprocess.PIPE, text=True)
            while process.poll() is None:
                with contextlib.suppress(psutil.Error):
                    peak = max(peak, process.memory_info().rss)
                time.sleep(0.005)
            seconds = time.perf_counter() - started
            summary = process.communicate()[0].strip()
            print(
                f"{summary}{', by hash' if verify else ''}: {seconds:.2f} s, "
                f"peak {peak / 1e6:.0f} MB"
            )
