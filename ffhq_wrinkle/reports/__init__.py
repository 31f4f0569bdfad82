"""Reports: tables, overlays and figures, and the folders they are written to."""
