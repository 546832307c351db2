"""An S3 server on this machine, with a bucket."""

from __future__ import annotations

import secrets
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

__all__ = ["running_bucket", "stop_server"]

_SERVE = """
import sys, threading
from moto.server import ThreadedMotoServer
server = ThreadedMotoServer(ip_address=sys.argv[1], port=0, verbose=False)
server.start()
print(server.get_host_and_port()[1], flush=True)
sys.stdin.read()
"""

_running: dict[str, subprocess.Popen[str]] = {}


@contextmanager
def running_bucket(monkeypatch: pytest.MonkeyPatch, host: str = "127.0.0.1") -> Iterator[str]:
    """The URL of an empty bucket. The server is a process of its own, so that it can be stopped beside an engine.

    Args:
        host: the address of this machine under which it is reached.
    """
    server = subprocess.Popen(
        [sys.executable, "-c", _SERVE, host], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    assert server.stdin is not None and server.stdout is not None
    address = f"http://{host}:{server.stdout.readline().strip()}"
    for name, value in {
        "AWS_ENDPOINT_URL": address, "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    name = f"bucket-{secrets.token_hex(6)}"
    request = urllib.request.Request(f"{address}/{name}", method="PUT")
    until = time.monotonic() + 60
    while True:
        try:
            urllib.request.urlopen(request, timeout=10).close()
            break
        except OSError:
            assert time.monotonic() < until, "the S3 server does not answer"
            time.sleep(0.1)
    _running[address] = server
    try:
        yield f"s3://{name}"
    finally:
        stop_server(address)


def stop_server(address: str) -> None:
    """Stop the server that answers there."""
    server = _running.pop(address, None)
    if server is not None:
        server.communicate()
