"""A real Chromium that opens the page of a review."""

import re
import shutil
from contextlib import contextmanager

import pytest

_LONGEST_WAIT_S = 30
NAMES = ("chromium", "chromium-browser", "google-chrome")
# No sandbox, because CI runs as root; nothing of the browser's own goes over the network.
ARGUMENTS = (
    "--no-sandbox", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--no-first-run",
)  # fmt: skip


@contextmanager
def chromium():
    """Start Chromium with a profile of its own; skip the test where there is none."""
    api = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    path = next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        pytest.skip(f"there is no Chromium: none of {', '.join(NAMES)} is installed")
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(ARGUMENTS))
        yield browser
        browser.close()


class Window:
    """A window with the page of a review, of one reviewer."""

    def __init__(self, browser, address, reviewer="ann", *, ready="ready"):
        self.context = browser.new_context(viewport={"width": 1000, "height": 700})
        self.page = self.context.new_page()
        self.page.set_default_timeout(1000 * _LONGEST_WAIT_S)
        self.errors = []
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.open(address, reviewer, ready=ready)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.context.close()
        assert self.errors == []

    def open(self, address, reviewer="ann", *, ready="ready"):
        self.page.goto(f"{address}?reviewer={reviewer}" if reviewer else address)
        if ready:
            self.wait(ready)

    def wait(self, state="ready"):
        self.page.wait_for_selector(f"body[data-state={state}]")

    def press(self, *keys, state="ready"):
        """Press keys, and wait until the page has done what they ask for."""
        for key in keys:
            self.page.keyboard.press(key)
        self.wait(state)

    def decide(self, key, state="ready"):
        """Press a key that decides on the part in question, and wait for the next part."""
        before = self.part
        self.page.keyboard.press(key)
        self.page.wait_for_selector(f"body[data-state={state}]:not([data-part='{before}'])")

    @property
    def part(self):
        return self.page.get_attribute("body", "data-part")

    @property
    def message(self):
        return self.page.inner_text("#message")

    def wait_for_message(self, text):
        self.page.locator("#message", has_text=re.compile(re.escape(text))).wait_for()

    def view(self):
        """Scale of the image on the screen, and the place of its corner."""
        data = self.page.evaluate("({...document.getElementById('view').dataset})")
        return float(data["scale"]), float(data["left"]), float(data["top"])

    def place(self, row, column):
        """The place in the window of the middle of a pixel of the image."""
        scale, left, top = self.view()
        box = self.page.locator("#view").bounding_box()
        return box["x"] + left + (column + 0.5) * scale, box["y"] + top + (row + 0.5) * scale

    def drag(self, *pixels):
        """Draw with the pointer along pixels of the image."""
        first, *others = pixels
        self.page.mouse.move(*self.place(*first))
        self.page.mouse.down()
        for pixel in others:
            self.page.mouse.move(*self.place(*pixel), steps=3)
        self.page.mouse.up()
