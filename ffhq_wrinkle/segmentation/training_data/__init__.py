"""Training data: what there is to learn from, completed, checked and split.

In order, each importing only from those before it: `picture_files`, `samples`, `sample_files`,
`weak_cache`, `soft_masks`, `listing`, `checks`, `twins`, `split`.
"""
