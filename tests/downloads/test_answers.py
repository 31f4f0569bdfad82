import email.utils
import time

import pytest

from ffhq_wrinkle.downloads.answers import (
    confirmation_url,
    is_page,
    page_failure,
    retry_after_s,
    status_failure,
)
from tests.helpers.hosts import QUOTA, SCAN


@pytest.mark.parametrize(
    ("content_type", "beginning", "page"),
    [
        ("text/html; charset=utf-8", b"", True),
        ("application/octet-stream", b"\n <!DOCTYPE html><html>", True),
        ("", b"<HTML><head>", True),
        ("image/png", b"\x89PNG\r\n\x1a\n", False),
        ("application/json", b'{"a": "<html>"}', False),
    ],
)
def test_a_web_page_is_known_by_its_type_or_beginning(content_type, beginning, page):
    assert is_page(content_type, beginning) == page


def test_the_address_is_read_from_a_virus_scan_page():
    page = SCAN.format(action="https://drive.example/download")
    assert confirmation_url(page) == "https://drive.example/download?id=x&confirm=t"
    assert confirmation_url(QUOTA) is None
    assert confirmation_url("<html>nothing</html>") is None


@pytest.mark.parametrize(
    ("page", "cause", "lasting"),
    [
        (QUOTA, "quota", True),
        ("<html>Google Drive - Quota exceeded</html>", "quota", True),
        ("<html><a href='https://accounts.google.com/x'>Sign in</a></html>", "not public", True),
        ("<html>maintenance</html>", "web page", False),
    ],
)
def test_pages_are_named_by_their_text(page, cause, lasting):
    failure = page_failure(page, "http://host/file")
    assert (failure.cause, failure.lasting) == (cause, lasting)
    assert "http://host/file" in str(failure)


@pytest.mark.parametrize(
    ("status", "cause", "lasting"),
    [(404, "not found", True), (410, "not found", True), (401, "not public", True),
     (403, "refused", False), (429, "busy", False), (500, "busy", False), (503, "busy", False),
     (418, "refused", True)],
)  # fmt: skip
def test_statuses_are_named_by_their_meaning(status, cause, lasting):
    failure = status_failure(status, "http://host/file")
    assert (failure.cause, failure.lasting) == (cause, lasting)


def test_content_is_not_a_failure():
    assert status_failure(200, "x") is None
    assert status_failure(206, "x") is None


def test_retry_after_is_seconds_or_a_date():
    assert retry_after_s({"Retry-After": "120"}) == 120
    date = email.utils.formatdate(time.time() + 100, usegmt=True)
    assert 95 < retry_after_s({"Retry-After": date}) <= 100
    past = email.utils.formatdate(time.time() - 100, usegmt=True)
    assert retry_after_s({"Retry-After": past}) == 0
    assert retry_after_s({"Retry-After": "999999"}) == 999999
    for nothing in ({}, {"Retry-After": ""}, {"Retry-After": "soon"}, {"Retry-After": "-5"}):
        assert retry_after_s(nothing) is None
