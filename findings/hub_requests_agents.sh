#!/usr/bin/env bash
# huggingface_hub 2.4.0 asks its endpoint for a file that no caller named.
#
# Guess: with HF_ENDPOINT set to one's own mirror, listing the files of a data set requests the
#     addresses of that data set and nothing else.
# Seen: the first request of a process is GET /api/agent-harnesses, a registry of coding agents.
#     It is asked for when headers are made, once a day, and its copy is kept in HF_HOME. A mirror
#     that counts, limits or signs requests sees one that it does not know; a 404 is accepted.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check huggingface_hub==2.4.0
cat > "$folder/list.py" <<'PYTHON'
import json
import os
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

paths = []


class Mirror(BaseHTTPRequestHandler):
    def do_GET(self):
        paths.append(self.path)
        known = self.path.startswith("/api/datasets/")
        body = json.dumps([{"type": "file", "path": "a.png", "size": 1, "oid": "0"}] if known else {})
        self.send_response(200 if known else 404)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_):
        pass


server = HTTPServer(("127.0.0.1", 0), Mirror)
threading.Thread(target=server.serve_forever, daemon=True).start()
os.environ["HF_ENDPOINT"] = f"http://127.0.0.1:{server.server_port}"

from huggingface_hub import HfApi

files = [entry.path for entry in HfApi().list_repo_tree("someone/faces", repo_type="dataset")]
assert files == ["a.png"], files
print("requests:", *paths)
assert paths[0] == "/api/agent-harnesses", "it no longer asks"
PYTHON
HF_HOME="$folder/home" "$folder/venv/bin/python" "$folder/list.py"
