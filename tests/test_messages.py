"""Messages: advice on installing extras has one spelling everywhere."""

import re
import tomllib

from tests.helpers import ROOT

EXTRAS = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
PACKAGE = sorted((ROOT / "ffhq_wrinkle").rglob("*.py"))
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
# The extra of a message may be a variable, such as {extra}.
SPELLING = re.compile(r"pip\s+install\s+'ffhq-wrinkle\[(\w+|\{[\w.]+\}|[\w,]+)\]'")


def joined(path):
    """The text of a file, with literals that continue on the next line in one piece."""
    return re.sub(r'"\s*\n\s*f?"', "", path.read_text(encoding="utf-8"))


def test_extras_are_spelt_as_a_shell_takes_them():
    used = []
    for path in (*PACKAGE, *PAGES):
        text = joined(path)
        for mention in re.finditer(r"ffhq[-_]wrinkle\[[^\]]*\]", text):
            before = text[: mention.end() + 1]
            match = re.search(SPELLING.pattern + r"\Z", before)
            assert match, f"{path.relative_to(ROOT)}: {text[mention.start() - 30 : mention.end()]}"
            used += match[1].split(",")
    named = {name for name in used if not name.startswith("{")}
    assert len(used) >= 10
    assert named <= set(EXTRAS)
