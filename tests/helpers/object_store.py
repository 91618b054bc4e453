"""An object store on this machine, as S3's clients know it."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING
from uuid import uuid4

import boto3
import pytest
from moto.moto_server.threaded_moto_server import ThreadedMotoServer

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def serving_objects() -> Iterator[None]:
    """Serve objects to this process and those that it starts, by their environment."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
        patched.setenv("AWS_ACCESS_KEY_ID", "tester")
        patched.setenv("AWS_SECRET_ACCESS_KEY", "tester-too")
        patched.setenv("AWS_DEFAULT_REGION", "us-east-1")
        yield
    server.stop()


def new_bucket() -> str:
    """Make an empty bucket and return its URL."""
    name = f"fleet-{uuid4().hex}"
    boto3.client("s3").create_bucket(Bucket=name)
    return f"s3://{name}"
