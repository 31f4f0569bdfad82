"""Helpers that several test modules share: drawn faces, stand-ins, servers, processes."""

from pathlib import Path

ROOT = Path(__file__).parents[2]
REAL_DATA = ROOT.parent / "shared" / "data"
