"""Augmentation: six distortions composed into one sampling grid; arrays only."""
