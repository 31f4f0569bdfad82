"""Names: an image id as the name of a file, from which no loader can read anything else.

Loaders split names at dots, spaces and slashes, and read splits from words in them.
"""

import re

_ESCAPED = re.compile(r"[^A-Za-z0-9_-]")


def file_stem(image_id: str) -> str:
    """Return a file name without a suffix for an id; different ids have different names.

    Letters, digits, ``_`` and ``-`` stay. The bytes of any other character are written as ``=`` and
    two hexadecimal digits.

    >>> file_stem("00007"), file_stem("eval-1"), file_stem("dev 3"), file_stem("visits/1.2")
    ('00007', 'eval-1', 'dev=203', 'visits=2F1=2E2')
    """
    return _ESCAPED.sub(
        lambda match: "".join(
            f"={byte:02X}" for byte in match[0].encode("utf-8", "surrogateescape")
        ),
        image_id,
    )
