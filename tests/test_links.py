"""Links between the pages of the documentation: the files and headings that they lead to exist."""

import re
from collections import Counter

import pytest

from tests.helpers import ROOT

PAGES = sorted(
    str(path.relative_to(ROOT))
    for folder in (".", "docs", "manifests", "segmentation", "findings")
    for path in (ROOT / folder).glob("*.md")
)
# These pages need no links; any other page without one is a page whose links are not recognised.
WITHOUT_LINKS = {"CHANGELOG.md", "docs/cli.md", "docs/install.md", "docs/results.md"}


def without_code_blocks(text):
    return re.sub(r"^(```|~~~).*?^\1", "", text, flags=re.DOTALL | re.MULTILINE)


def links_of(text):
    """Targets of links and images, in Markdown or HTML, that are not in code."""
    text = re.sub(r"`[^`\n]*`", "`code`", without_code_blocks(text))
    patterns = (
        r"\]\(\s*<?([^)\s>]+)",  # [text](target "title"), ![text](target)
        r"^ {0,3}\[[^\]]+\]:\s*<?([^\s>]+)",  # [label]: target
        r"<(?:a|img)\b[^>]*?\b(?:href|src)=[\"']([^\"']+)",
    )
    return [target for one in patterns for target in re.findall(one, text, re.MULTILINE)]


def slugs_of(text):
    """Names by which GitHub links to the headings of a page, and ids that the page gives itself."""
    text = without_code_blocks(text)
    slugs, seen = [], Counter()
    for heading in re.findall(r"^ {0,3}#{1,6}\s+(.*?)\s*#*\s*$", text, re.MULTILINE):
        shown = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", heading)
        slug = re.sub(r"[^\w\- ]", "", shown.lower()).replace(" ", "-")
        slugs.append(f"{slug}-{seen[slug]}" if seen[slug] else slug)
        seen[slug] += 1
    return [*slugs, *re.findall(r"<\w+\b[^>]*?\b(?:id|name)=[\"']([^\"']+)", text)]


def problems_of(page):
    """Relative links of a page that lead nowhere, each with the reason."""
    path = ROOT / page
    for target in links_of(path.read_text()):
        if re.match(r"[a-z][a-z0-9+.-]*:", target):
            continue  # another site
        file, _, anchor = target.partition("#")
        linked = (path.parent / file).resolve() if file else path
        if not linked.is_relative_to(ROOT) or not linked.exists():
            yield f"{target}: there is no such file"
        elif anchor and (linked.suffix != ".md" or anchor not in slugs_of(linked.read_text())):
            yield f"{target}: there is no such heading"


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_to_files_and_headings_that_exist(page):
    assert list(problems_of(page)) == []


@pytest.mark.parametrize("page", PAGES)
def test_every_page_has_links_but_those_that_need_none(page):
    assert links_of((ROOT / page).read_text()) or page in WITHOUT_LINKS


def test_the_pages_are_those_of_the_root_and_of_the_folders_that_have_some():
    assert {"README.md", "CONTRIBUTING.md", "CHANGELOG.md", "docs/methods.md"} < set(PAGES)
    assert {"manifests/README.md", "segmentation/README.md"} | WITHOUT_LINKS < set(PAGES)


@pytest.mark.parametrize(
    ("text", "links"),
    [
        (
            "see [one](a.md), [two\nlines](b.md#c) and ![x](d.jpg 'title')",
            ["a.md", "b.md#c", "d.jpg"],
        ),
        ("[![badge](a.svg)](b.md)", ["a.svg", "b.md"]),
        ("[a][b]\n\n[b]: c.md", ["c.md"]),
        ('<img width="3" src="a.png"> <a href="b.md">', ["a.png", "b.md"]),
        ("`[not](a.md)`\n```sh\n[nor](b.md)\n```\n", []),
    ],
)
def test_links_are_read_from_markdown_and_html_but_not_from_code(text, links):
    assert links_of(text) == links


# As GitHub shows them.
@pytest.mark.parametrize(
    ("headings", "slugs"),
    [
        ("# Texture map", ["texture-map"]),
        ("## `fuse-labels`: what's new, in 0.3", ["fuse-labels-whats-new-in-03"]),
        ("# a_b (c) & d", ["a_b-c--d"]),
        ("# See [the page](a.md) #", ["see-the-page"]),
        (
            "# Même\n# Training\n## Training\n# training",
            ["même", "training", "training-1", "training-2"],
        ),
        ("```sh\n# a comment\n```\n<a id='x'></a><a name=\"y\"></a>", ["x", "y"]),
        ("#hashtag", []),
    ],
)
def test_slugs_are_those_of_github(headings, slugs):
    assert slugs_of(headings) == slugs
