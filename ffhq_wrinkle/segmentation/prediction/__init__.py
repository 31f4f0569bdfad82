"""Prediction: a network and photographs, to wrinkles on disk.

In order, each importing only from those before it: `inputs`, `ingredients`, `predictor`,
`onnx_export`, `regions`, `wrinkle_table`, `views`, `probabilities`, `prediction_files`,
`prediction_folder`, `prediction`.
"""
