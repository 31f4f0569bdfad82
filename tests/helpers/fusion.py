"""Fused masks on disk, and what is read from them."""

from ffhq_wrinkle.dataset.ids import parse_ids
from ffhq_wrinkle.human_labels.annotators import AnnotationSettings, parse_annotators
from ffhq_wrinkle.human_labels.fused import fuse_folder
from tests.helpers.tables import rows_of

SHAPE = (40, 50)


def fuse(folders, out, *, ids=None, settings=None, **options):
    annotators = parse_annotators([str(folder) for folder in folders])
    chosen = parse_ids(ids) if ids else None
    settings = AnnotationSettings(**settings) if settings else None
    return fuse_folder(annotators, out, ids=chosen, settings=settings, **options)


def rows(out):
    return rows_of(out / "fusion.csv")


def remarks(report, method="majority", *, within=False, all_ids=True):
    return report.remarks(method, within=within, all_ids=all_ids)
