"""Inference: the device that a network runs on, its weights, and batches of images on a GPU."""
