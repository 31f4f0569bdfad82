"""Evaluation: predictions of any method and references, to scores, tables and pictures.

In order, each importing only from those before it: `centrelines`, `scores`, `pairs`, `evaluation`,
`scoring`, `comparison`, `evaluation_tables`, `evaluation_report`.
"""
