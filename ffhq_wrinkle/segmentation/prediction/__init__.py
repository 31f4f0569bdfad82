"""Prediction: wrinkle masks of photographs by a trained network, in memory or in a folder."""
