"""Dataset: what is read: image ids, the layout of the released data set, and its sources."""
