"""Evaluation: from predictions of any method and references to scores, tables and pictures."""
