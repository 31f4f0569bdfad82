"""Dataset: image ids, the layout of the released data set, and the sources of its files."""
