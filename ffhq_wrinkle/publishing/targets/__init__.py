"""Targets: one module for each format; `publishing.catalogue` lists them."""
