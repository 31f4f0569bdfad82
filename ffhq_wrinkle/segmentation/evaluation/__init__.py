"""Evaluation: predictions of any method, scored against references; tables and pictures of it."""
