"""Storage: paths on this machine or in an object store, folder locks, complete writes."""
