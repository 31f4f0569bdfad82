"""Training recipes, read through `importlib.resources`."""
