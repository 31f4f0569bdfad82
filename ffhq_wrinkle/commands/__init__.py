"""Commands: each reads its options, calls one function of `api`, and prints the result.

Heavy libraries load inside the commands, so that ``--help`` is instant.
"""

from .agreement import agreement_command
from .align import align_command
from .build_weak import build_weak_command
from .compare import compare_command
from .demo import demo_command
from .demographics import demographics_command
from .download import download_command
from .evaluate import evaluate_command
from .export import export_command
from .export_labels import export_labels_command
from .fuse_labels import fuse_labels_command
from .import_labels import import_labels_command
from .predict import predict_command
from .publish import publish_command
from .reproduce import reproduce_command
from .review import review_command
from .sample import sample_command
from .train import train_command
from .verify import verify_command

COMMANDS = [
    demo_command,
    download_command,
    demographics_command,
    sample_command,
    align_command,
    build_weak_command,
    import_labels_command,
    export_labels_command,
    fuse_labels_command,
    agreement_command,
    review_command,
    train_command,
    predict_command,
    evaluate_command,
    compare_command,
    export_command,
    verify_command,
    reproduce_command,
    publish_command,
]
