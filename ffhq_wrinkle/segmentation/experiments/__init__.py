"""Experiments: runs of training beside each other and beside the paper's.

In order, each importing only from those before it: `runs`, `comparability`, `paper_tables`,
`experiments`, `experiment_tables`, `experiment_report`.
"""
