"""Weak masks of a drawn data set, and a parser that leaves images where a GPU would have them."""

import cv2
import numpy as np
import torch

from ffhq_wrinkle.faces.ready_labels import ReadyLabels
from ffhq_wrinkle.inference.gpu_images import GpuBatch, on_device
from ffhq_wrinkle.weak_labels.weak import build_weak
from tests.helpers.formulas import REFERENCES


def build(dataset, out, **options):
    parser = options.pop("parser", None) or ReadyLabels(dataset.labels)
    return build_weak(dataset.images, out, parser=parser, **options)


def expected_mask(dataset, image_id, kernel_size=21, sigma=5.0, recipe="paper"):
    """The formula inside skin and nose, by OpenCV and NumPy alone."""
    gray = cv2.cvtColor(cv2.imread(str(dataset.image_path(image_id))), cv2.COLOR_BGR2GRAY)
    gray = gray.astype(np.float64)
    filtered = cv2.GaussianBlur(gray, (kernel_size, kernel_size), sigma)
    texture = REFERENCES[recipe](gray, filtered)
    face = np.isin(np.load(dataset.labels / f"{image_id}.npy"), (1, 10)).astype(np.uint8)
    face = cv2.resize(face, gray.shape[::-1], interpolation=cv2.INTER_NEAREST_EXACT)
    return texture * face


def rows(out):
    return (out / "failures.csv").read_text().splitlines()[1:]


class StaysOnGpu(ReadyLabels):
    """Leaves batches of four on the CPU as if that were a GPU, and notes their sizes."""

    batch_size = 4

    def __init__(self, folder):
        super().__init__(folder)
        self.batches = []

    def prepare(self, image, image_id):
        return image, super().prepare(image, image_id)

    def label_maps(self, prepared):
        return [label_map for _, label_map in prepared]

    def on_gpu(self, prepared):
        self.batches.append(len(prepared))
        filled = [*prepared, *[prepared[-1]] * (4 - len(prepared))]
        images, label_maps = (
            on_device(part, torch.device("cpu")) for part in zip(*filled, strict=True)
        )
        return GpuBatch(images, label_maps, len(prepared))
