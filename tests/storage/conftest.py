import pytest


@pytest.fixture(scope="module")
def s3():
    """Amazon's client of an S3 server on loopback."""
    for library in ("s3fs", "boto3", "moto.server"):
        pytest.importorskip(library)
    from tests.helpers.buckets import s3_server

    with s3_server() as client:
        yield client


@pytest.fixture
def bucket(s3):
    """A new bucket."""
    from tests.helpers.buckets import Bucket

    return Bucket(s3)


@pytest.fixture
def impatient(monkeypatch):
    """Take a lock whose holder has not been heard of for half a second."""
    from ffhq_wrinkle.storage import locks

    monkeypatch.setattr(locks, "BEAT_S", 0.1)
    monkeypatch.setattr(locks, "DEAD_S", 0.5)
