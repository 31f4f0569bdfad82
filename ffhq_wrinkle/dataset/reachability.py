"""Reachability: one quick connection to a host, before a download is tried and tried again."""

import socket
import threading
from urllib.parse import urlsplit

import requests

CONNECT_S = 3.0
_NEXT_CONNECT_S = 1.0  # after another host could not be reached: the network is probably down
_PORTS = {"http": 80, "https": 443}


class Reachability:
    """Hosts that can be reached, and those that cannot: each is tried once, for all threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._troubles: dict[tuple[str, int], str] = {}

    def trouble(self, url: str) -> str:
        """Return why the host of an address cannot be reached; empty if it accepts a connection.

        With a proxy in the environment, the proxy is tried. A host that accepts and never answers
        is reachable.
        """
        try:
            host, port = _end_point(url)
        except ValueError as error:
            return str(error)
        with self._lock:
            if (host, port) not in self._troubles:
                timeout_s = _NEXT_CONNECT_S if any(self._troubles.values()) else CONNECT_S
                self._troubles[host, port] = _connection_trouble(host, port, timeout_s)
            return self._troubles[host, port]


def _end_point(url: str) -> tuple[str, int]:
    """Return the host and port that a request of an address connects to.

    Raises
    ------
    ValueError
        The address has no host, or no valid port.
    """
    proxies = requests.utils.get_environ_proxies(url)
    proxy = requests.utils.select_proxy(url, proxies)
    if proxy and "://" not in proxy:
        proxy = f"http://{proxy}"
    parts = urlsplit(proxy or url)
    if not parts.hostname:
        raise ValueError(f"{url} is not an address")
    return parts.hostname, parts.port or _PORTS.get(parts.scheme, 443)


def _connection_trouble(host: str, port: int, timeout_s: float) -> str:
    """Return why a connection fails; empty if it does not.

    A thread tries it, since looking up a name has no timeout of its own.
    """
    outcome: list[str] = []

    def connect() -> None:
        try:
            socket.create_connection((host, port), timeout_s).close()
            outcome.append("")
        except socket.gaierror:
            outcome.append(f"the name {host} cannot be looked up")
        except (OSError, UnicodeError) as error:
            outcome.append(f"{host} cannot be reached: {error}")

    thread = threading.Thread(target=connect, daemon=True)
    thread.start()
    thread.join(timeout_s)
    return outcome[0] if outcome else f"{host} does not answer within {timeout_s:.0f} s"
