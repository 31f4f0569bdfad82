"""Predictions of a drawn data set, and what they should be."""

import cv2
import numpy as np
from PIL import Image

from ffhq_wrinkle.faces.ready_labels import ReadyLabels
from ffhq_wrinkle.segmentation.prediction.ingredients import Ingredients
from ffhq_wrinkle.segmentation.prediction.prediction import predict_folder
from ffhq_wrinkle.segmentation.prediction.predictor import Predictor
from tests.helpers.pictures import pixels
from tests.helpers.tables import rows_of


def predict(dataset, out, network, *, ingredients=None, flip=False, **options):
    ingredients = ingredients or Ingredients(ReadyLabels(dataset.labels), network.texture)
    predictor = Predictor(network, ingredients, flip=flip)
    return predict_folder(dataset.images, out, predictor, **options)


def expected_texture(dataset, image_id):
    """Eq. 1 in the face, from OpenCV: float64 (H, W), 0 outside."""
    image = cv2.imread(str(dataset.image_path(image_id)))
    gray = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY).astype(np.float64)
    filtered = cv2.GaussianBlur(gray, (21, 21), 5)
    labels = np.load(dataset.labels / f"{image_id}.npy").astype(np.uint8)
    rows = (np.arange(128) * 4 + 2)[:, None]
    face = np.isin(labels, (1, 10))[rows, rows.T]
    return np.clip((1 - gray / (1 + filtered)) * 255, 0, 255).round() * face, face


def table_of(out):
    return {row["name"]: row for row in rows_of(out / "wrinkles.csv")}


def corrected(out, name="masks/00001.png"):
    """Draw a mask again, as a person who corrects it does; return its bytes."""
    drawn = np.zeros(pixels(out / name).shape, np.uint8)
    drawn[60:70, 50:60] = 255
    Image.fromarray(drawn).save(out / name)
    return (out / name).read_bytes()
