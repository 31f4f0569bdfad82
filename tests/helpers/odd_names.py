"""Names of files that are not valid text, as some systems and archives make them."""

import os

# Latin-1, and bytes that no encoding of UTF-8 begins with.
NOT_TEXT = (os.fsdecode(b"caf\xe9"), os.fsdecode(b"\xff\xfe"))
ESCAPED = ("caf\\udce9", "\\udcff\\udcfe")
