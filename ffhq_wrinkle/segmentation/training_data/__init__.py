"""Training data: the images, masks and weak masks to learn from, checked, completed and split."""
