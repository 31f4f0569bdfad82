"""Send masks through a running Label Studio and back; `check_label_studio.sh` runs this."""

import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import requests
from PIL import Image

from ffhq_wrinkle import export_labels, import_labels, read_mask

_SIZE = (240, 320)
_PATIENCE_S = 600  # the first start makes the database


class Server:
    """The API of a Label Studio."""

    def __init__(self, address: str, token: str) -> None:
        self._address = address
        self._session = requests.Session()
        self._session.headers["Authorization"] = f"Token {token}"

    def wait(self) -> None:
        """Wait until the server answers."""
        until = time.monotonic() + _PATIENCE_S
        while time.monotonic() < until:
            try:
                if self._session.get(f"{self._address}/health", timeout=5).ok:
                    return
            except requests.ConnectionError:
                pass
            time.sleep(1)
        raise SystemExit(f"{self._address} did not answer within {_PATIENCE_S} s")

    def call(self, method: str, path: str, **content: Any) -> Any:  # noqa: ANN401  # JSON
        """Return the answer to a request."""
        answer = self._session.request(method, f"{self._address}{path}", timeout=60, **content)
        if not answer.ok:
            raise SystemExit(f"{method} {path}: {answer.status_code} {answer.text[:500]}")
        return answer.json()


def draw(folder: Path) -> dict[str, np.ndarray]:
    """Write masks: lines, nothing, and pixels along the edge."""
    random = np.random.default_rng(0)
    lines = np.zeros(_SIZE, bool)
    for _ in range(12):
        row, column = random.integers(10, 200, 2)
        lines[row : row + random.integers(1, 4), column : column + random.integers(20, 100)] = True
    edge = np.zeros(_SIZE, bool)
    edge[0], edge[:, -1] = True, True
    masks = {"00007": lines, "00021": np.zeros(_SIZE, bool), "00100": edge}
    folder.mkdir()
    for image_id, mask in masks.items():
        Image.fromarray(mask * np.uint8(255)).save(folder / f"{image_id}.png")
    return masks


def main(address: str, token: str) -> None:
    """Send masks to the server as predictions, accept them, export them, and compare."""
    server = Server(address, token)
    server.wait()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        masks = draw(folder / "masks")
        export_labels(
            folder / "masks", folder / "sent", format="label-studio",
            prefix="/data/local-files/?d=faces/",
        )  # fmt: skip
        project = server.call(
            "POST",
            "/api/projects/",
            json={
                "title": "round trip",
                "label_config": (folder / "sent" / "label_config.xml").read_text(),
            },
        )["id"]
        tasks = json.loads((folder / "sent" / "tasks.json").read_text())
        server.call("POST", f"/api/projects/{project}/import", json=tasks)
        listed = server.call("GET", f"/api/tasks/?project={project}&fields=all&page_size=100")
        for task in listed["tasks"]:
            (prediction,) = server.call("GET", f"/api/predictions/?task={task['id']}")
            server.call(
                "POST",
                f"/api/tasks/{task['id']}/annotations/",
                json={"result": prediction["result"]},
            )
        exported = server.call("GET", f"/api/projects/{project}/export?exportType=JSON")
        (folder / "export.json").write_text(json.dumps(exported))
        photographs = folder / "faces"
        photographs.mkdir()
        for image_id in masks:
            Image.new("RGB", _SIZE[::-1]).save(photographs / f"{image_id}.png")
        import_labels([folder / "export.json"], folder / "back", images=photographs)
        for image_id, mask in masks.items():
            back = read_mask(folder / "back" / "annotator_1" / f"{image_id}.png")
            if not np.array_equal(back, mask):
                raise SystemExit(f"{image_id}: {np.count_nonzero(back != mask)} pixels differ")
    print(f"{len(masks)} masks came back with the same pixels")


if __name__ == "__main__":
    main(*sys.argv[1:])
