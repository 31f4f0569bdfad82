"""Segmentation: networks, training, prediction and evaluation."""
