"""Networks: those of the paper and its baselines, by name, for images of any size."""
