"""Answers: the meaning of a host's response, which its status does not always tell.

Hosts of large files send web pages in place of files: about a quota, about a file that is too large
to scan for viruses, or about signing in. These pages have status 200, so only their text tells them
apart.
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
# Statuses after which a later request can succeed.
_BUSY = frozenset({408, 425, 429, 500, 502, 503, 504, 509, 520, 521, 522, 523, 524})
LONGEST_PAUSE_S = 3600.0  # a run does not wait longer than this


def is_page(content_type: str, beginning: bytes) -> bool:
    """Return whether a response is a web page, by its type or its first bytes."""
    return content_type.lower().startswith("text/html") or bool(_HTML.match(beginning[:512]))


def confirmation_url(page: str) -> str | None:
    """Return the download address in a page about a file not scanned for viruses, or None."""
    from gdown.download import get_url_from_gdrive_confirmation
    from gdown.exceptions import FileURLRetrievalError

    if _QUOTA.search(page):
        return None
    try:
        return get_url_from_gdrive_confirmation(page)
    except FileURLRetrievalError:
        return None


def page_failure(page: str, url: str) -> TransferFailure:
    """Return the failure that a web page in place of a file stands for, with advice."""
    if _QUOTA.search(page):
        return TransferFailure(
            "quota",
            f"{url}: the host reports too many recent downloads of this file. Wait 24 hours, or "
            "sign in with a browser and pass its cookies with --cookies, or use a different "
            "--source",
            lasting=True,
        )
    if _SIGN_IN.search(page):
        return TransferFailure(
            "not public",
            f"{url}: the host requires a sign-in; pass a browser's cookies with --cookies",
            lasting=True,
        )
    return TransferFailure("web page", f"{url}: the host sent a web page instead of the file")


def status_failure(status: int, url: str) -> TransferFailure | None:
    """Return the failure that an HTTP status stands for; None if content follows."""
    if status in (200, 206):
        return None
    if status in (404, 410):
        message = f"{url}: the host does not have this file (status {status})"
        return TransferFailure("not found", message, lasting=True)
    if status == 401:
        message = f"{url}: the host requires a sign-in (status 401)"
        return TransferFailure("not public", message, lasting=True)
    if status == 403:
        reason = "often because of too many requests"
        return TransferFailure("refused", f"{url}: refused (status 403), {reason}")
    if status in _BUSY:
        return TransferFailure("busy", f"{url}: the host is busy (status {status})")
    message = f"{url}: the host answered with status {status}"
    return TransferFailure("refused", message, lasting=400 <= status < 500)


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Return the pause in seconds that ``Retry-After`` asks for, in seconds or as a date."""
    text = headers.get("Retry-After", "").strip()
    if not text:
        return None
    try:
        seconds = float(text) if text.isdigit() else _seconds_until(text)
    except (ValueError, TypeError):
        return None
    return max(0.0, seconds)


def strong_validator(headers: Mapping[str, str]) -> str:
    """Return what identifies the version of a file in an answer, or an empty text.

    It is the entity tag, unless that is weak, or the date of the last change, if the answer is at
    least a second younger: an earlier change in the same second would have the same date (RFC 9110,
    8.8.2.2 and 13.1.5).
    """
    tag = headers.get("ETag", "").strip()
    if tag.startswith('"'):
        return tag
    changed = headers.get("Last-Modified", "").strip()
    try:
        age = email.utils.parsedate_to_datetime(headers.get("Date", "")).timestamp()
        age -= email.utils.parsedate_to_datetime(changed).timestamp()
    except (ValueError, TypeError):
        return ""
    return changed if age >= 1 else ""


def _seconds_until(date: str) -> float:
    return email.utils.parsedate_to_datetime(date).timestamp() - time.time()
