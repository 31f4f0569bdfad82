"""Answers: what a host's response means, whatever its status says.

Hosts of large files answer with web pages where a file should be: about a quota, about a file too
large to scan for viruses, about signing in. They come with status 200, so only their text tells.
"""

import email.utils
import re
import time
from collections.abc import Mapping

from ..errors import TransferFailure

_HTML = re.compile(
    rb"(\xef\xbb\xbf)?(\s|<!--.*?-->)*<(!doctype html|html|head|body|script)",
    re.IGNORECASE | re.DOTALL,
)
_QUOTA = re.compile(r"quota|too many users|download limit|limit exceeded", re.IGNORECASE)
_SIGN_IN = re.compile(r"accounts\.google\.com|sign in|need access|request access", re.IGNORECASE)
# What a host means by "not now".
_BUSY = frozenset({408, 425, 429, 500, 502, 503, 504, 509, 520, 521, 522, 523, 524})
LONGEST_PAUSE_S = 3600.0  # that is waited for within a run


def is_page(content_type: str, beginning: bytes) -> bool:
    """Whether a response is a web page; `beginning` holds its first bytes."""
    return content_type.lower().startswith("text/html") or bool(_HTML.match(beginning[:512]))


def confirmation_url(page: str) -> str | None:
    """The address behind a page that asks to confirm a download not scanned for viruses."""
    from gdown.download import get_url_from_gdrive_confirmation
    from gdown.exceptions import FileURLRetrievalError

    if _QUOTA.search(page):
        return None
    try:
        return get_url_from_gdrive_confirmation(page)
    except FileURLRetrievalError:
        return None


def page_failure(page: str, url: str) -> TransferFailure:
    """What a web page in the place of a file means, and what to do about it."""
    if _QUOTA.search(page):
        return TransferFailure(
            "quota",
            f"{url}: the host answers that too many have fetched this file lately. Wait 24 hours, "
            "or sign in with a browser and give its cookies by --cookies, or use another --source",
            lasting=True,
        )
    if _SIGN_IN.search(page):
        return TransferFailure(
            "not public",
            f"{url}: the host wants somebody to sign in; give cookies by --cookies",
            lasting=True,
        )
    return TransferFailure("web page", f"{url}: the host sent a web page instead of the file")


def status_failure(status: int, url: str) -> TransferFailure | None:
    """What an HTTP status means; None if content follows."""
    if status in (200, 206):
        return None
    if status in (404, 410):
        return TransferFailure("not found", f"{url}: not there (status {status})", lasting=True)
    if status == 401:
        return TransferFailure(
            "not public", f"{url}: the host wants somebody to sign in (status 401)", lasting=True
        )
    if status == 403:
        return TransferFailure(
            "refused", f"{url}: refused (status 403), often for too many requests"
        )
    if status in _BUSY:
        return TransferFailure("busy", f"{url}: the host is busy (status {status})")
    return TransferFailure("refused", f"{url}: status {status}", lasting=400 <= status < 500)


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Seconds that a host asks to wait, by ``Retry-After`` in seconds or as a date."""
    text = headers.get("Retry-After", "").strip()
    if not text:
        return None
    try:
        seconds = float(text) if text.isdigit() else _seconds_until(text)
    except (ValueError, TypeError):
        return None
    return max(0.0, seconds)


def _seconds_until(date: str) -> float:
    return email.utils.parsedate_to_datetime(date).timestamp() - time.time()
