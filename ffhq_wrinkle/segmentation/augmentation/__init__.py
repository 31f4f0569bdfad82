"""Augmentation: six distortions as one sampling grid; arrays only.

In order, each importing only from those before it: `warp`, `distortion`, `augmentation`.
"""
