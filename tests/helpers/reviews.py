"""Reviews of masks that can be checked by eye, without and with a server."""

import http.client
import signal
import time

import numpy as np
import requests

from ffhq_wrinkle.adjudication.adjudicated import review_folder
from ffhq_wrinkle.adjudication.settings import ReviewSettings
from ffhq_wrinkle.human_labels.annotators import AnnotationSettings, parse_annotators
from tests.helpers.faces import mask
from tests.helpers.processes import LONGEST_WAIT_S, kill, start

# Three annotators, three parts: a line on which two agree, a line that only A drew, and, at the
# bottom, a line on which all agree.
A = mask(
    "###...... / ......... / ......... / .......## / ......... / ......... / ......... / ####....."
)
B = mask(
    "##....... / ......... / ......... / ......... / ......... / ......... / ......... / ####....."
)
C = mask(
    "......... / ......... / ......... / ......... / ......... / ......... / ......... / ####....."
)
TOP, RIGHT, BOTTOM = 0, 1, 2  # the parts in their order
MAJORITY = mask(
    "##....... / ......... / ......... / ......... / ......... / ......... / ......... / ####....."
)


def hundred_pieces():
    """A mask of a hundred separate pieces of two pixels, three columns apart."""
    drawn = np.zeros((50, 50), bool)
    drawn[::5, 0::5] = drawn[::5, 1::5] = True
    return drawn


def run_review(folders, out, run, *, settings=None, **options):
    """Run a review of annotators' folders: `run` gets the review."""
    annotators = parse_annotators([str(folder) for folder in folders])
    return review_folder(
        annotators,
        out,
        run,
        settings=AnnotationSettings(**(settings or {})),
        review_settings=ReviewSettings(**options.pop("review", {})),
        **options,
    )


def part_ids(review, image_id):
    return list(review.image(image_id).parts)


def basis(review, reviewer, image_id, part_id):
    """Number of the decision that the page shows a reviewer."""
    parts = review.described(image_id, reviewer)["parts"]
    return next(part["basis"] for part in parts if part["part"] == part_id)


def decide(review, reviewer, image_id, place, choice, **options):
    """Decide on a part, given by its place in the image, as a page does that is up to date."""
    part_id = part_ids(review, image_id)[place]
    options.setdefault("basis", basis(review, reviewer, image_id, part_id))
    return review.decide(reviewer, image_id, part_id, choice, **options)


class Served:
    """The command `review` as a process, and requests to it as its page makes them."""

    def __init__(self, folders, out, *options):
        self.process = start("review", *folders, "--out", out, "--no-browser", *options)
        self.address = self.process.stdout.readline().strip()
        assert self.address.startswith("http://127.0.0.1:"), self.process.communicate()
        self.port = int(self.address.split(":")[2].split("/")[0])
        self.token = self.address.split("/")[3]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            kill(self.process)

    def get(self, path, **options):
        return requests.get(f"{self.address}{path}", timeout=LONGEST_WAIT_S, **options)

    def post(self, path, body, **options):
        return requests.post(f"{self.address}{path}", json=body, timeout=LONGEST_WAIT_S, **options)

    def raw(self, method, path, headers=(), body=b""):
        """Send a request as it is, and return status and content of the answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=LONGEST_WAIT_S)
        connection.putrequest(method, path, skip_host=True)
        given = {"Host": f"127.0.0.1:{self.port}", **dict(headers)}
        for name, value in given.items():
            connection.putheader(name, value)
        connection.endheaders(body)
        response = connection.getresponse()
        content = response.read()
        connection.close()
        return response.status, content

    def image(self, image_id, reviewer="ann"):
        return self.get("api/image", params={"image": image_id, "reviewer": reviewer}).json()

    def decide(self, image_id, place, choice, reviewer="ann", **more):
        """Decide on a part as a page that is up to date."""
        part = self.image(image_id, reviewer)["parts"][place]
        body = {"reviewer": reviewer, "image": image_id, "part": part["part"], "choice": choice}
        return self.post("api/decisions", {**body, "basis": part["basis"], **more})

    def interrupt(self):
        """Press Ctrl-C, and return the seconds that it takes to end, and what is printed."""
        begin = time.monotonic()
        self.process.send_signal(signal.SIGINT)
        printed, logged = self.process.communicate(timeout=LONGEST_WAIT_S)
        return time.monotonic() - begin, printed, logged
