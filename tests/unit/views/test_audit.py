"""The audit as people and spreadsheets read it."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest

from partita.protocol.access import AuditEntry
from partita.views.audit import Noted, audit_page, csv_lines, each_entry, json_lines


def entry(number: int, **more: Any) -> AuditEntry:
    made = AuditEntry(
        number=number, at=float(number), who="ann", credential="", address="::1", action="run.launch", target="r",
        outcome="done" if number % 3 else "not allowed", data={},
    )  # fmt: skip
    made.update(more)  # type: ignore[typeddict-item]
    return made


class Store:
    def __init__(self, count: int) -> None:
        self.count = count

    def __call__(self, *, before: int, limit: int, **more: Any) -> list[AuditEntry]:
        first = before - 1 if before else self.count
        return [entry(number) for number in range(first, max(first - limit, 0), -1)]


@pytest.mark.parametrize("outcome, numbers", [
    ("", range(1201, 0, -1)), ("done", [n for n in range(1201, 0, -1) if n % 3]),
    ("refused", [n for n in range(1201, 0, -1) if not n % 3]),
])  # fmt: skip
def test_pages_are_the_whole_list(outcome: str, numbers: Any) -> None:
    found: list[int] = []
    before = 0
    for _ in range(100):
        page, before, is_whole = audit_page(Store(1201), Noted(outcome=outcome), before, 70)
        assert is_whole and len(page) <= 70
        found += [each["number"] for each in page]
        if not before:
            break
    assert found == list(numbers)
    assert [each["number"] for each in each_entry(Store(1201), Noted(outcome=outcome))] == list(numbers)


def test_a_page_ends_when_its_time_is_up() -> None:
    clock = iter(range(100))
    found, before, is_whole = audit_page(
        Store(5000), Noted(outcome="refused"), 0, 1000, clock=lambda: float(next(clock))
    )
    assert not is_whole and found and before == 4501


def test_a_spreadsheet_computes_nothing() -> None:
    entries = [entry(1, who="=1+1", target='a "quoted"\nline', data={"name": "-x"}), entry(2, target="@x", action="é")]
    rows = list(csv.DictReader(io.StringIO(b"".join(csv_lines(iter(entries))).decode(), newline="")))
    assert [row["who"] for row in rows] == ["'=1+1", "ann"]
    assert rows[0]["target"] == 'a "quoted"\nline' and rows[1]["target"] == "'@x" and rows[1]["action"] == "é"
    assert rows[0]["at"] == "1970-01-01T00:00:01.000+00:00" and json.loads(rows[0]["data"]) == {"name": "-x"}


def test_json_lines_are_exact() -> None:
    entries = [entry(1, who="=1+1\u2028", data={"a": [1, None]}), entry(2)]
    assert [json.loads(line) for line in b"".join(json_lines(iter(entries))).decode().split("\n")[:-1]] == entries
