"""Id lists and the table of sources, read through `importlib.resources`."""
