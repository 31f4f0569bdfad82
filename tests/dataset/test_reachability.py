"""One quick connection to each host."""

import socket
import threading
import time

import pytest

from ffhq_wrinkle.dataset import reachability
from ffhq_wrinkle.dataset.reachability import Reachability


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
def listening():
    """A socket that accepts connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


def closed_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def address(port):
    return f"http://127.0.0.1:{port}/file"


def test_a_host_that_accepts_and_never_answers_can_be_reached(listening):
    assert Reachability().trouble(address(listening.getsockname()[1])) == ""


def test_a_refused_connection_is_named():
    assert "127.0.0.1 cannot be reached: " in Reachability().trouble(address(closed_port()))


def test_a_name_that_does_not_resolve_is_named():
    trouble = Reachability().trouble("https://no-such-host.invalid/file")
    assert trouble.startswith(("the name no-such-host.invalid", "no-such-host.invalid does not"))


def test_a_name_server_that_does_not_answer_is_not_waited_for(monkeypatch):
    monkeypatch.setattr(reachability, "CONNECT_S", 0.2)
    answered = threading.Event()

    def look_up(*_, **__):
        answered.wait(20)
        raise socket.gaierror("no name server")

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    start = time.monotonic()
    assert "does not answer within" in Reachability().trouble("http://slow.invalid/file")
    assert time.monotonic() - start < 10
    answered.set()


def test_each_host_is_tried_once(monkeypatch):
    tried = []
    monkeypatch.setattr(
        reachability, "_connection_trouble", lambda *place: tried.append(place) or "down"
    )
    known = Reachability()
    for url in ("http://a/1", "http://a/2", "https://b/1", "https://b:8443/1"):
        assert known.trouble(url) == "down"
    assert [place[:2] for place in tried] == [("a", 80), ("b", 443), ("b", 8443)]


def test_a_proxy_is_tried_in_place_of_the_host(monkeypatch, listening):
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{listening.getsockname()[1]}")
    assert Reachability().trouble("http://no-such-host.invalid/file") == ""


@pytest.mark.parametrize("url", ["file:///etc/passwd", "nonsense", "http://host:port/"])
def test_an_address_without_a_host_is_no_crash(url):
    assert Reachability().trouble(url)
