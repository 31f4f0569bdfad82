"""The server as a real process, and what it refuses."""

import io
import json
import socket

import numpy as np
import pytest
import requests
from numpy.testing import assert_array_equal
from PIL import ExifTags, Image

from ffhq_wrinkle.adjudication.server import PAGE_FILES
from tests.helpers.reviews import RIGHT, TOP, A, B, C, Served

# Dark above, bright below, and stored turned, as phones do.
PHOTO = np.repeat(np.array([40, 220], np.uint8), 4)[:, None, None] * np.ones((1, 9, 3), np.uint8)
TURNED = 6  # to be turned clockwise by a quarter (Exif 2.3, 4.6.4)


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    root = tmp_path_factory.mktemp("served")
    folders = []
    for name, drawn in zip("ABC", (A, B, C), strict=True):
        (root / name).mkdir()
        folders.append(root / name)
        for image_id in ("00007", "00008"):
            Image.fromarray(drawn * np.uint8(255)).save(root / name / f"{image_id}.png")
    (root / "photos").mkdir()
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = TURNED
    stored = Image.fromarray(np.ascontiguousarray(np.rot90(PHOTO)))
    stored.save(root / "photos" / "00007.jpg", exif=exif, quality=100, subsampling=0)
    with Served(folders, root / "out", "--images", root / "photos", "--reviewer", "dana") as server:
        server.out = root / "out"
        yield server


def test_it_listens_on_this_machine_only(served):
    own = {info[4][0] for info in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)}
    for address in own - {"127.0.0.1"}:
        with pytest.raises(OSError, match=r"refused|timed out"):
            socket.create_connection((address, served.port), timeout=5).close()
    assert len(served.token) >= 32


@pytest.mark.parametrize("path", ["/", "/api/session", "/main.js", "/wrong/", "/wrong/api/session"])
def test_a_request_without_the_token_is_refused(served, path):
    assert served.raw("GET", path)[0] == 403
    almost = served.token[:-1]
    assert served.raw("GET", f"/{almost}{path}")[0] == 403


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "", "[::1", "127.0.0.1.evil"])
def test_another_host_name_is_refused(served, host):
    status, _ = served.raw("GET", f"/{served.token}/api/session", {"Host": host})
    assert status in (400, 403)


@pytest.mark.parametrize("origin", [
    "http://evil.example", "null", "https://127.0.0.1", "http://127.0.0.1:1",
])  # fmt: skip
def test_a_foreign_origin_is_refused(served, origin):
    body = json.dumps({"reviewer": "ann"}).encode()
    headers = {"Origin": origin, "Content-Length": str(len(body))}
    assert served.raw("POST", f"/{served.token}/api/undo", headers, body)[0] == 403


def test_its_own_origin_is_answered(served):
    origin = f"http://127.0.0.1:{served.port}"
    assert served.get("api/session", headers={"Origin": origin}).status_code == 200


@pytest.mark.parametrize("path", [
    "api/image?image=..", "api/masks?image=../00007", "api/image?image=%2e%2e",
    "api/photo?image=..%2f..%2fetc%2fpasswd", "api/masks?image=/etc/passwd", "api/image",
    "api/masks?image=..%2f00007", "api/photo?image=..%5c00007", "../pyproject.toml",
    "%2e%2e/server.py", "..%2fserver.py", "page/../../server.py", "static.html",
])  # fmt: skip
def test_a_path_that_leads_elsewhere_is_refused(served, path):
    reviewer = "&reviewer=ann" if "?" in path else "?reviewer=ann"
    status, content = served.raw("GET", f"/{served.token}/{path}{reviewer}")
    assert status in (400, 403, 404)
    assert b"import" not in content
    assert b"root:" not in content


def test_a_body_of_100_mb_is_refused_before_it_is_read(served):
    size = 100 << 20
    with socket.create_connection(("127.0.0.1", served.port), timeout=30) as connection:
        connection.sendall(
            f"POST /{served.token}/api/decisions HTTP/1.1\r\nHost: 127.0.0.1:{served.port}\r\n"
            f"Content-Length: {size}\r\n\r\n".encode()
        )
        assert connection.recv(100).startswith(b"HTTP/1.1 413")


def test_a_body_of_unknown_length_is_not_read_to_its_end(served):
    def endless():
        for _ in range(100):
            yield b" " * (1 << 20)

    try:
        status = served.post("api/decisions", None, data=endless()).status_code
    except requests.ConnectionError:
        status = 413  # the server has closed the connection while the rest was sent
    assert status == 413
    assert served.get("api/session").status_code == 200


@pytest.mark.parametrize(("body", "status"), [
    ({"image": "00007", "part": "0" * 16}, 404), ({"image": "00009"}, 404),
    ({"image": "../00007"}, 404), ({"image": 7}, 400), ({"choice": "all"}, 400),
    ({"reviewer": "../eve"}, 400), ({"reviewer": None}, 400), ({"basis": "0"}, 400),
    ({"choice": "annotator", "position": 9}, 400), ({"shown": []}, 400), ({"basis": 5}, 409),
    ({"shown": {"zoom": "9" * 3000}}, 400),
    ({"choice": "drawn", "drawn": {"box": [0, 0, 99, 99], "runs": [9801]}}, 400),
])  # fmt: skip
def test_a_decision_that_cannot_be_taken_is_refused(served, body, status):
    part = served.image("00007")["parts"][TOP]["part"]
    default = {
        "reviewer": "ann", "image": "00007", "part": part, "choice": "union", "basis": 0,
    }  # fmt: skip
    answer = served.post("api/decisions", {**default, **body})
    assert answer.status_code == status
    assert answer.json()["error"]
    assert not (served.out / "decisions" / "ann.jsonl").exists()


@pytest.mark.parametrize("content", [b"", b"nonsense", b"[]", b"\xff", b"[" * 100_000])
def test_a_body_that_is_not_json_is_refused(served, content):
    assert served.post("api/undo", None, data=content).status_code == 400


def test_nothing_is_cached_and_nothing_comes_from_elsewhere(served):
    for path in ("", "main.js", "api/session", "api/photo?image=00007", "nothing"):
        headers = served.get(path).headers
        assert headers["Cache-Control"] == "no-store"
        assert headers["Content-Security-Policy"].startswith("default-src 'self';")
        assert headers["Referrer-Policy"] == "no-referrer"
        assert headers["X-Content-Type-Options"] == "nosniff"


def test_the_page_loads_only_its_own_files(served):
    page = served.get("").text
    names = [name for name in PAGE_FILES if name != "index.html"]
    texts = [page, *(served.get(name).text for name in names)]
    assert not any("http://" in text or "https://" in text for text in texts)


def test_a_photo_is_shown_upright_without_exif(served):
    answer = served.get("api/photo?image=00007")
    with Image.open(io.BytesIO(answer.content)) as shown:
        assert not shown.getexif()
        difference = np.abs(np.asarray(shown).astype(int) - PHOTO)
    assert difference.max() < 30
    assert answer.headers["Content-Type"] == "image/jpeg"
    assert b"Exif" not in answer.content
    assert served.get("api/photo?image=00008").status_code == 404


def test_masks_are_packed_bits_one_after_the_other(served):
    packed = np.frombuffer(served.get("api/masks?image=00007").content, np.uint8)
    masks = np.unpackbits(packed.reshape(3, -1), axis=1)[:, : A.size].reshape(3, *A.shape)
    assert_array_equal(masks, [A, B, C])


def test_the_session_names_the_reviewer_of_the_command(served):
    session = served.get("api/session").json()
    assert (session["reviewer"], session["photos"], session["blind"]) == ("dana", True, False)
    assert len(session["colours"]) == 3


def test_two_reviewers_are_told_of_each_other(served):
    part = served.image("00008")["parts"][RIGHT]["part"]
    about = {"image": "00008", "part": part}
    assert served.post("api/claims", {**about, "reviewer": "eve"}).status_code == 200
    refused = served.post("api/claims", {**about, "reviewer": "ben"})
    assert (refused.status_code, refused.json()["error"]) == (409, "eve is looking at this part")
    assert served.decide("00008", RIGHT, "nothing", "ben").status_code == 409
    assert served.decide("00008", RIGHT, "nothing", "eve").status_code == 200
    late = served.post("api/decisions", {**about, "reviewer": "eve", "choice": "union", "basis": 0})
    assert late.status_code == 409
    assert "eve has decided it: nothing" in late.json()["error"]
