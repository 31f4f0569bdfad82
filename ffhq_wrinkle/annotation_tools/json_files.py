"""JSON files: recognised by their first keys, and read element by element.

`ijson` reads documents whose elements are small. `array_elements` cuts a long list into the bytes
of its elements, so that a reader can leave megabytes of numbers in them undecoded.
"""

import io
import json
import re
from collections.abc import Iterable, Iterator
from typing import Any, Literal, NamedTuple

import ijson
from ijson.common import IncompleteJSONError, JSONError

from .export_files import ExportError, ExportFile

_BLANK = b"\xef\xbb\xbf \t\r\n"
_CHUNK_BYTES = 1 << 20
# A bracket, or a string: its inside must not be searched for brackets. One that has no end yet
# reaches up to the end of the chunk.
_TOKEN = re.compile(rb'[\[\]{}]|"[^"\\]*+(?:\\.[^"\\]*+)*+("|\\?\Z)', re.DOTALL)
_NUMBERS = re.compile(rb"[0-9,\s]*+\]")


class JsonSignature(NamedTuple):
    """Keys by which a document is recognised.

    Attributes
    ----------
    place : {"object", "first", "values"}
        Where the keys are: in the document, which is an object; in the first element of a document
        that is a list; or in the first value of a document that is an object.
    keys : frozenset of str
        Keys that must all be present.
    """

    place: Literal["object", "first", "values"]
    keys: frozenset[str]


def is_json(file: ExportFile) -> bool:
    """Return whether a file begins as a list or an object of JSON."""
    return file.head.lstrip(_BLANK)[:1] in (b"[", b"{")


def matching_signature(
    file: ExportFile, signatures: Iterable[JsonSignature]
) -> JsonSignature | None:
    """Return the first signature whose keys are complete, in the order of the file; or None.

    Raises
    ------
    ExportError
        The file is damaged before it can be recognised.
    """
    wanted = list(signatures)
    seen: dict[str, set[str]] = {"object": set(), "first": set(), "values": set()}
    with file.opened() as content, JsonErrors(file):
        for place, key in _first_keys(content):
            seen[place].add(key)
            for signature in wanted:
                if signature.place == place and signature.keys <= seen[place]:
                    return signature
    return None


def _first_keys(content: io.BufferedIOBase) -> Iterator[tuple[str, str]]:
    """Yield the keys of a document and of its first element or value, with their place."""
    path: list[str] = []
    values = 0
    for event, value in ijson.basic_parse(skip_mark(content)):
        if event in ("start_map", "start_array"):
            path.append(event)
        elif event in ("end_map", "end_array"):
            path.pop()
            if len(path) == 1:
                values += 1
                if path[0] == "start_array":
                    return
        elif event == "map_key" and path == ["start_map"]:
            yield "object", value
        elif event == "map_key" and path == ["start_array", "start_map"]:
            yield "first", value
        elif event == "map_key" and path == ["start_map", "start_map"] and not values:
            yield "values", value


def skip_mark(content: io.BufferedIOBase) -> io.BufferedIOBase:
    """Return an open file after the byte order mark that it may begin with."""
    if content.read(3) != b"\xef\xbb\xbf":
        content.seek(0)
    return content


class JsonErrors:
    """Turn the errors of ijson in a `with` block into `ExportError`, with the file's name."""

    def __init__(self, file: ExportFile) -> None:
        self.file = file

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        if isinstance(error, IncompleteJSONError | JSONError):
            reason = " ".join(str(error).split())[:120]
            raise ExportError(f"{self.file}: damaged or cut short: {reason}") from error
        if isinstance(error, UnicodeDecodeError):
            raise ExportError(f"{self.file}: not text in UTF-8") from error


def read_json(file: ExportFile) -> Any:  # noqa: ANN401  # any document
    """Read a small document as a whole.

    Raises
    ------
    ExportError
        It is not JSON; the message has the line and column.
    """
    return parse_json(file.content(), str(file))


def parse_json(content: bytes, place: str) -> Any:  # noqa: ANN401  # any document
    """Parse a document; errors begin with its place."""
    try:
        return json.loads(content.decode("utf-8-sig"))
    except json.JSONDecodeError as error:
        raise ExportError(
            f"{place}: damaged or cut short at line {error.lineno}, column {error.colno}: "
            f"{error.msg}"
        ) from error
    except (UnicodeDecodeError, RecursionError) as error:
        raise ExportError(f"{place}: not JSON in UTF-8") from error


def array_elements(file: ExportFile) -> Iterator[bytes]:
    """Yield the bytes of each object in a document that is a list of objects.

    Raises
    ------
    ExportError
        The list is not complete, or has an element that is not an object.
    """
    number, depth = 0, 0
    buffer, at, start = b"", 0, 0  # `at` is behind what was searched, `start` where an object is
    with file.opened() as content:
        skip_mark(content)
        while chunk := content.read(_CHUNK_BYTES):
            buffer = buffer[start:] + chunk
            at, start = at - start, 0
            while token := _TOKEN.search(buffer, at):
                if token.lastindex and token[1] != b'"':
                    break  # the string goes on in the next chunk
                at = token.end()
                if token[0] == b"[" and (numbers := _NUMBERS.match(buffer, at)):
                    at = numbers.end() - 1  # megabytes of them are searched faster so
                if token.lastindex:
                    if depth < 2:
                        raise ExportError(f"{file}: element {number + 1} is not an object")
                elif token[0] in b"[{":
                    if depth == 1:
                        number += 1
                        start = token.start()
                        if token[0] != b"{":
                            raise ExportError(f"{file}: element {number} is not an object")
                    depth += 1
                else:
                    depth -= 1
                    if depth == 1:
                        yield buffer[start:at]
                        start = at
                    elif depth == 0:
                        return
    where = f"in element {number}" if depth > 1 else f"after element {number}"
    raise ExportError(f"{file}: damaged or cut short {where}: the list has no end")
