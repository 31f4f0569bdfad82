"""Checkpoints: weights in files, moved into networks and back: ours, the authors', ImageNet's."""
