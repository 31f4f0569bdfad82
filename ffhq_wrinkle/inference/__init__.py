"""Inference: the device a network runs on, its weights, and batches of images on a GPU."""
