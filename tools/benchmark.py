"""Time what users wait for against a naive implementation: `python tools/benchmark.py --help`.

Our implementation and the naive one take turns. The number to compare is the ratio of their
medians, because the seconds depend on the machine.
"""

import click

from benchmark_annotation_tools import import_labels_benchmark
from benchmark_annotators import agreement_benchmark, staple_benchmark
from benchmark_augment import augment_benchmark
from benchmark_cluster import cluster_benchmark
from benchmark_demographics import demographics_benchmark
from benchmark_download import download_benchmark
from benchmark_evaluate import evaluate_benchmark
from benchmark_gpu import gpu_benchmark
from benchmark_parsers import parsers
from benchmark_png import png
from benchmark_predict import predict_benchmark
from benchmark_publish import publish_benchmark
from benchmark_review import review_benchmark
from benchmark_scale import plan, scaling
from benchmark_train import train_benchmark
from benchmark_weak import build_weak_benchmark, memory, steps


@click.group()
def main() -> None:
    """Time what users wait for against a naive implementation."""


for command in (
    build_weak_benchmark,
    steps,
    gpu_benchmark,
    png,
    parsers,
    memory,
    scaling,
    plan,
    agreement_benchmark,
    staple_benchmark,
    review_benchmark,
    import_labels_benchmark,
    predict_benchmark,
    evaluate_benchmark,
    demographics_benchmark,
    download_benchmark,
    augment_benchmark,
    train_benchmark,
    cluster_benchmark,
    publish_benchmark,
):
    main.add_command(command)


if __name__ == "__main__":
    main()
