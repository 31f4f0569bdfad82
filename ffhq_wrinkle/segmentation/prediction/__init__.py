"""Prediction: from a network and photographs to wrinkle masks on disk."""
