"""Prose: what people read of the package, and turns of phrase that it should not have."""

import ast
import io
import re
import tokenize
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

# Docs/style: plain, idiomatic English. A name says what is wrong, its pattern finds it.
PHRASES = {
    "can not": r"\bcan not\b",
    "may not": r"\b[Mm]ay not\b",
    "is no (thing)": r"(?<!here )\b(?:is|are|was) no "
    r"(?!longer|more\b|different|better|worse|slower|faster|larger|smaller|fewer|less)",
    "so many, so long": r"\bso (?:many|long)\b(?! as\b| that\b)",
    "anew": r"\banew\b",
    "take up": r"\b(?:take|takes|taken|took|taking) up\b",
    "other settings": r"\bother settings\b",
    "make small": r"\b(?:make|makes|making|made) (?:small|smaller|larger)\b|\benlarg",
    "sooner": r"\bsooner\b",
    "in vain": r"\bin vain\b",
    "for want of": r"\bfor want of\b",
    "a first axis more": r"\baxis more\b",
    "as far as (it is) there": r"\bas far as (?:it is|they are) there\b",
    "what is there": r"\bwhat is there\b",
    "Else ...": r"(?m)(?:^|[.!?:;] )Else\b",
}
_OPENINGS = ("Of", "What", "Where it is", "So", "Who")
_SKIPPED = {"CHANGELOG.md"}


class Passage(NamedTuple):
    """A text and where it stands."""

    place: str
    text: str


def passages(root: Path) -> Iterator[Passage]:
    """Yield docstrings, comments, messages and pages of a checkout."""
    for path in sorted([*(root / "ffhq_wrinkle").rglob("*.py"), *(root / "tools").glob("*.py")]):
        yield from _of_module(path, path.relative_to(root))
    for path in sorted((root / "tools").glob("*.sh")):
        yield from _of_script(path, path.relative_to(root))
    pages = [root / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")]
    pages += [*(root / "docs").glob("*.md"), *(root / "manifests").glob("*.md")]
    pages += (root / "segmentation").glob("*.md")
    for path in sorted(pages):
        if path.is_file():
            yield from _of_page(path, path.relative_to(root))


def _of_module(path: Path, name: Path) -> Iterator[Passage]:
    source = path.read_text()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield Passage(f"{name}:{node.lineno}", node.value)
    block: list[str] = []
    start = last = 0
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type != tokenize.COMMENT:
            continue
        row = token.start[0]
        if row != last + 1 and block:
            yield Passage(f"{name}:{start}", "\n".join(block))
            block = []
        start = start if block else row
        block.append(token.string.lstrip("# "))
        last = row
    if block:
        yield Passage(f"{name}:{start}", "\n".join(block))


def _of_script(path: Path, name: Path) -> Iterator[Passage]:
    """Yield the comments and the strings of a shell script."""
    text = path.read_text()
    for block in re.finditer(r"(?m)(?:^ *# .*\n)+", text):
        comment = re.sub(r"(?m)^ *# ", "", block[0])
        yield Passage(f"{name}:{text.count(chr(10), 0, block.start()) + 1}", comment)
    for string in re.finditer(r"([\"'])(.*?)\1", text):
        yield Passage(f"{name}:{text.count(chr(10), 0, string.start()) + 1}", string[2])


def _of_page(path: Path, name: Path) -> Iterator[Passage]:
    """Yield the paragraphs of a page, without code."""
    text = re.sub(
        r"```.*?```", lambda code: "\n" * code[0].count("\n"), path.read_text(), flags=re.S
    )
    row = 1
    for paragraph in re.split(r"(\n\s*\n)", text):
        if paragraph.strip():
            yield Passage(f"{name}:{row}", re.sub(r"`[^`]*`", "`code`", paragraph))
        row += paragraph.count("\n")


def awkward(passage: Passage) -> Iterator[str]:
    """Names of the turns of phrase in a passage that should be others."""
    for name, pattern in PHRASES.items():
        yield from [name] * len(re.findall(pattern, passage.text))
    yield from (f"a sentence begins with {word}" for word in _openings(passage.text))


def _openings(text: str) -> Iterator[str]:
    """First words of sentences that should not be first."""
    before, indent_before = "", -1
    for line in text.split("\n"):
        stripped = line.strip(" |*->#")
        indent = len(line) - len(line.lstrip())
        begins = not before or before[-1] in ".!?:" or indent > indent_before
        for sentence in [stripped] * begins + re.split(r"[.!?] +", stripped)[1:]:
            yield from (word for word in _OPENINGS if sentence.startswith(f"{word} "))
        before, indent_before = line.strip(), indent


def counts(root: Path) -> Counter[str]:
    """How often each turn of phrase stands in a checkout."""
    return Counter(name for passage in passages(root) for name in awkward(passage))
