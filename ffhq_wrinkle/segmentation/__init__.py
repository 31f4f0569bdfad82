"""Wrinkle segmentation: networks, training, prediction and evaluation.

The modules read in the order data moves, each importing only from those before it, and from the
package around: `centrelines`, `probabilities`, `scores`, `prediction_files`, `pairs`, `evaluation`,
`scoring`, `comparison`, `evaluation_tables`, `evaluation_report`.
"""
