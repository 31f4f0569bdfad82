"""Locks of folders in object stores, at an S3 server on loopback."""

import threading
import time

import pytest

from ffhq_wrinkle.errors import OutputError
from ffhq_wrinkle.storage.locks import StoreLock
from ffhq_wrinkle.storage.places import parse_place

BUSY = OutputError("busy")
LOCK = ".build.json.lock"


def test_two_runs_in_one_folder_are_refused_while_the_first_lives(bucket, impatient):
    folder = parse_place(bucket.url("weak"))
    first = StoreLock(folder, LOCK, busy=BUSY)
    first.acquire()
    before = bucket.get(f"weak/{LOCK}")
    with pytest.raises(OutputError, match="busy"):
        StoreLock(folder, LOCK, busy=BUSY).acquire()
    assert bucket.get(f"weak/{LOCK}") != before  # it was seen to be alive
    first.release()
    assert bucket.names() == []
    StoreLock(folder, LOCK, busy=BUSY).acquire()


def test_only_one_of_many_processes_gets_a_folder(bucket, impatient):
    locks = [StoreLock(parse_place(bucket.url("weak")), LOCK, busy=BUSY) for _ in range(8)]
    together = threading.Barrier(len(locks))
    refused = []

    def take(lock):
        together.wait()
        try:
            lock.acquire()
        except OutputError:
            refused.append(lock)

    threads = [threading.Thread(target=take, args=[lock]) for lock in locks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(refused) == 7
    for lock in locks:
        lock.release()
    assert bucket.names() == []


def test_a_holder_taken_for_dead_reports_it_and_leaves_the_mark_alone(bucket, impatient, caplog):
    folder = parse_place(bucket.url("weak"))
    slept = StoreLock(folder, LOCK, busy=BUSY)
    slept.acquire()
    bucket.put(f"weak/{LOCK}", b"another's")
    for _ in range(100):
        if "another run has taken over" in caplog.text:
            break
        time.sleep(0.05)
    assert "another run has taken over" in caplog.text
    slept.release()
    assert bucket.get(f"weak/{LOCK}") == b"another's"
