"""Checkpoints: weights from files into networks and back: the authors', ImageNet's and our own."""
