"""Buckets of an S3 server on loopback, looked into by Amazon's own library."""

import logging
from contextlib import contextmanager
from itertools import count

import boto3
import pytest
from moto.server import ThreadedMotoServer
from s3fs import S3FileSystem

from tests.helpers.files import files_of, is_table_of_inputs

BUCKETS = (f"bucket{number}" for number in count())


@contextmanager
def s3_server():
    """An S3 server, which this process and its children find as they would find any other."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    begun = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    begun.start()
    settings = {
        "AWS_ENDPOINT_URL": "http://{}:{}".format(*begun.get_host_and_port()),
        "AWS_ACCESS_KEY_ID": "anybody",
        "AWS_SECRET_ACCESS_KEY": "whatever",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in settings.items():
            patch.setenv(name, value)
        S3FileSystem.clear_instance_cache()  # which may know of an earlier server
        yield boto3.client("s3")
    begun.stop()


class Bucket:
    """A bucket, looked into by Amazon's own library."""

    def __init__(self, client):
        self.name = next(BUCKETS)
        self.client = client
        client.create_bucket(Bucket=self.name)

    def url(self, key=""):
        return f"s3://{self.name}/{key}".rstrip("/")

    def upload(self, folder, under):
        for name, content in files_of(folder).items():
            self.put(f"{under}/{name}", content)

    def put(self, key, content):
        self.client.put_object(Bucket=self.name, Key=key, Body=content)

    def get(self, key):
        return self.client.get_object(Bucket=self.name, Key=key)["Body"].read()

    def names(self, under=""):
        pages = self.client.get_paginator("list_objects_v2").paginate(
            Bucket=self.name, Prefix=under
        )
        return [entry["Key"] for page in pages for entry in page.get("Contents", [])]

    def files(self, under):
        """The contents of the objects that `files_of` would give of a folder."""
        return {
            key.removeprefix(f"{under}/"): self.get(key)
            for key in self.names(f"{under}/")
            if not is_table_of_inputs(key.rpartition("/")[2])
        }
