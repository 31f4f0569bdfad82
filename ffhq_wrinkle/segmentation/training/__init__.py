"""Training: from a recipe and data, stage by stage, to networks and their test scores."""
