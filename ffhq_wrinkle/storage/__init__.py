"""Storage: paths on this machine or in an object store, folder locks, files written whole."""
