"""Results: what is written: output folders that can be resumed, and `failures.csv`.

Start with `outputs.OutputFolder`.
"""
