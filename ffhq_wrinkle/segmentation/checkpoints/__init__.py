"""Checkpoints: weights on disk and into networks, the authors', ImageNet's and our own.

In order, each importing only from those before it: `official`, `checkpoint`, `pretrained`,
`encoders`, `imagenet`.
"""
