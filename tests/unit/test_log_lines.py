"""Logs as objects, one a line."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from partita.log_lines import set_up_logs


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:], root.level = handlers, level


def told(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_is_an_object_with_the_fields_that_were_given() -> None:
    stream = io.StringIO()
    set_up_logs("info", "json", stream)
    log = logging.getLogger("partita.engine")
    log.debug("not kept")
    log.info("run %s\nis taken up: »äß«", "r1", extra={"run": "r1", "step": 3, "folder": Path("/x"), "level": "mine"})
    (line,) = told(stream)
    assert line.pop("at").endswith("Z")
    assert line == {
        "level": "info", "logger": "partita.engine", "message": "run r1\nis taken up: »äß«", "run": "r1", "step": 3,
        "folder": "/x",
    }  # fmt: skip


def test_an_error_has_its_trace() -> None:
    stream = io.StringIO()
    set_up_logs("info", "json", stream)
    try:
        raise ValueError("so it was")
    except ValueError:
        logging.getLogger("x").exception("it failed")
    (line,) = told(stream)
    assert line["level"] == "error" and line["error"].endswith("ValueError: so it was") and "Traceback" in line["error"]


def test_text_is_for_people() -> None:
    stream = io.StringIO()
    set_up_logs("warning", "text", stream)
    logging.getLogger("x").warning("look %s", "here", extra={"run": "r1"})
    assert stream.getvalue().endswith(" WARNING x: look here\n")
