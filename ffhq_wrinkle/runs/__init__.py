"""Runs: one piece of work done to every image of a folder, on threads or on a cluster.

Start with `folder_run.run_folder`.
"""
