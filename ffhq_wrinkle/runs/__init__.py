"""Runs: the same work on every image of a folder, by threads or on a cluster.

Start with `folder_run.run_folder`.
"""
