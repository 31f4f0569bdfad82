"""A web server on loopback that behaves as hosts of large files do, on a schedule."""

import hashlib
import json
import random
import threading
import time
import urllib.parse
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

QUOTA = (
    "<!DOCTYPE html><html><head><title>Google Drive - Quota exceeded</title></head><body>"
    "<p class='uc-error-caption'>Sorry, you can't view or download this file at this time.</p>"
    "<p class='uc-error-subcaption'>Too many users have viewed or downloaded this file recently."
    "</p></body></html>"
)
SCAN = (
    "<!DOCTYPE html><html><head><title>Google Drive - Virus scan warning</title></head><body>"
    '<form id="download-form" action="{action}" method="get">'
    '<input type="hidden" name="id" value="x"><input type="hidden" name="confirm" value="t">'
    "</form></body></html>"
)
# huggingface_hub requests this from its endpoint, once in a process, when it makes headers.
_AGENT_HARNESSES = "/api/agent-harnesses"


class Host(ThreadingHTTPServer):
    """Serves `files` by path; `schedule` has for each path what to do first, and then next.

    What it can do: quota, scan, 403, 404, 429, 503, cut, stall, wrong, drip, and for good norange.
    """

    daemon_threads = True
    request_queue_size = 128

    def __init__(self):
        self.files: dict[str, bytes] = {}
        self.schedule: dict[str, list[str]] = {}
        self.no_range: set[str] = set()
        self.replaced: dict[str, bytes] = {}  # by path, what takes a file's place after a cut
        self.version_headers: dict[bytes, dict[str, str]] = {}  # ETag, Last-Modified of a content
        self.ignores_if_range = False
        self.retry_after_s = 1  # what it asks for with 429
        self.confirmed_at = ""  # where a page to confirm leads, if not to /confirmed/... here
        self.requests: Counter = Counter()
        self.ranges: list[tuple[str, str]] = []
        self.headers_seen: list[dict[str, str]] = []
        self.hub: dict[str, bytes] = {}
        self.lock = threading.Lock()
        host = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                host.answer(self)

            def do_POST(self):
                host.answer_post(self)

            def log_message(self, *_):
                pass

        super().__init__(("127.0.0.1", 0), Handler)

    def handle_error(self, *_):
        pass  # a client that was killed

    def url(self, path=""):
        return f"http://127.0.0.1:{self.server_port}{path}"

    def answer(self, client):
        path = urllib.parse.urlsplit(client.path).path
        if path == _AGENT_HARNESSES:
            return self.send(client, 404, b"nothing here")
        with self.lock:
            self.requests[path] += 1
            seen = {key.lower(): value for key, value in client.headers.items()}
            self.headers_seen.append({"path": path, **seen})
            planned = self.schedule.get(path)
            act = planned.pop(0) if planned else "ok"
        content = self.files.get(path)
        if act == "ok" and path.startswith("/confirmed"):
            content = self.files[path.removeprefix("/confirmed")]
        if content is None or act == "404":
            return self.send(client, 404, b"nothing here")
        if act in ("403", "503"):
            return self.send(client, int(act), b"later")
        if act == "429":
            return self.send(client, 429, b"slow down", {"Retry-After": str(self.retry_after_s)})
        if act == "quota":
            return self.send(client, 200, QUOTA.encode(), {"Content-Type": "text/html"})
        if act == "scan":
            page = SCAN.format(action=self.confirmed_at or f"/confirmed{path}").encode()
            return self.send(client, 200, page, {"Content-Type": "text/html; charset=utf-8"})
        if act == "wrong":
            return self.send(client, 200, random.Random(path).randbytes(len(content)))
        return self.send_content(client, path, content, act)

    def send_content(self, client, path, content, act):
        asked = client.headers.get("Range")
        start = 0
        version = self.version_headers.get(content, {})
        condition = client.headers.get("If-Range")
        if condition and condition not in version.values() and not self.ignores_if_range:
            asked = None
        if asked:
            with self.lock:
                self.ranges.append((path, asked))
            start = int(asked.removeprefix("bytes=").rstrip("-"))
        if asked and path in self.no_range:
            start = 0
        elif asked and start >= len(content):
            return self.send(client, 416, b"", {"Content-Range": f"bytes */{len(content)}"})
        elif asked:
            span = f"bytes {start}-{len(content) - 1}/{len(content)}"
            client.send_response(206)
            client.send_header("Content-Range", span)
        if not asked or path in self.no_range:
            client.send_response(200)
        rest = content[start:]
        client.send_header("Content-Length", str(len(rest)))
        client.send_header("Content-Type", "application/octet-stream")
        for name, value in version.items():
            client.send_header(name, value)
        client.end_headers()
        if act == "cut":
            self.files[path] = self.replaced.pop(path, content)
            client.wfile.write(rest[: len(rest) // 2])
            client.close_connection = True
        elif act == "stall":
            client.wfile.write(rest[: len(rest) // 2])
            client.wfile.flush()
            time.sleep(4)
            client.close_connection = True
        elif act == "drip":
            for at in range(0, len(rest), 1 + len(rest) // 8):
                client.wfile.write(rest[at : at + 1 + len(rest) // 8])
                client.wfile.flush()
                time.sleep(0.02)
        else:
            client.wfile.write(rest)
        return None

    @staticmethod
    def send(client, status, content, headers=None):
        client.send_response(status)
        for name, value in (headers or {}).items():
            client.send_header(name, value)
        client.send_header("Content-Length", str(len(content)))
        client.end_headers()
        client.wfile.write(content)

    def add_hub(self, repository, revision, files):
        """Be a Hugging Face hub with one data set."""
        self.hub = {**self.hub, **files}
        self.hub_prefix = f"/datasets/{repository}/resolve/{revision}/"
        for path, content in files.items():
            self.files[self.hub_prefix + path] = content

    def answer_post(self, client):
        body = client.rfile.read(int(client.headers["Content-Length"]))
        with self.lock:
            self.requests[client.path] += 1
            planned = self.schedule.get(client.path)
            act = planned.pop(0) if planned else "ok"
        if act != "ok":
            return self.send(client, int(act), b"later")
        paths = urllib.parse.parse_qs(body.decode()).get("paths", [])
        entries = [
            {
                "type": "file",
                "path": path,
                "size": len(self.hub[path]),
                "oid": "0" * 40,
                "lfs": {
                    "oid": hashlib.sha256(self.hub[path]).hexdigest(),
                    "size": len(self.hub[path]),
                    "pointerSize": 1,
                },
            }
            for path in paths
            if path in self.hub
        ]
        content = json.dumps(entries).encode()
        return self.send(client, 200, content, {"Content-Type": "application/json"})
