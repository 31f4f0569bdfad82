"""Results: output folders in which a run can be resumed, their records, and `failures.csv`.

Start with `outputs.OutputFolder`.
"""
