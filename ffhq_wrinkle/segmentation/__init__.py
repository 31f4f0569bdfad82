"""Wrinkle segmentation: networks, training, prediction and evaluation."""
