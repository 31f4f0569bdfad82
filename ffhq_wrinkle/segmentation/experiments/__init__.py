"""Experiments: training runs compared with each other and with the paper's tables."""
