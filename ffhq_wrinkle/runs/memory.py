"""Memory: what a run frees stays with the process, where the next image needs it again."""

import numpy as np

_KEPT_BYTES = 16 << 20


def keep_freed_memory() -> None:
    """Have glibc hold on to freed memory, up to twice 16 MiB for each thread.

    By default it gives arrays of an image's size back to the system as they are freed; to get them
    again, page by page and filled with zeros, takes as long as counting what is in them. What
    ``MALLOC_TRIM_THRESHOLD_`` and its like say in the environment stands; other C libraries go on
    as before.
    """
    # The largest block that was mapped and freed is the size below which blocks are not mapped from
    # then on, and twice that what may lie free: M_MMAP_THRESHOLD in mallopt(3).
    np.empty(_KEPT_BYTES, np.uint8)
