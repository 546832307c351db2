"""What persons are asked: who may say, what there is to look at, what was said."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from typing import Any, NamedTuple, TypedDict, cast

from partita.engine.reading import node_parts, node_text
from partita.protocol.stored_files import stored_file
from partita.protocol.waits import ASKED, WaitView, may_say
from partita.values import BLOB, LIST, PLAIN, Node, unpack
from partita.workspace.port import Workspace

__all__ = ["Evidence", "Question", "is_for", "question_of", "why_not"]

_log = logging.getLogger("partita.server")
#: So many values of a map are told one by one.
_PAIRS = 24
#: A number with a fraction, which is no part of a word or of a version.
_FRACTION = re.compile(r"(?<![\w.])-?\d+\.\d+(?:e[-+]?\d+)?(?![\w.])")


class Evidence(TypedDict):
    """A value that is shown beside a question."""

    name: str  # empty: the only one
    text: str  # short
    pairs: list[list[str]]  # [name, text] of what a map holds, or of what gates have found
    of_gates: bool  # the pairs are of gates
    record: dict[str, Any] | None  # what a worker kept of it for people to see


class Question(NamedTuple):
    """Something that a person is asked."""

    wait: WaitView
    evidence: list[Evidence]
    refusal: str  # why whoever looks may not say: "closed", "named", "excluded" or "said"; empty: they may
    good: int  # how many have approved so far


def why_not(wait: WaitView, name: str, is_administrator: bool = False) -> str:
    """Why somebody may not say: "closed", "named" (others are), "excluded" or "said" (and need not again); empty: they may."""
    if wait["outcome"]:
        return "closed"
    if not may_say(wait["by"], name, is_administrator):
        return "named"
    if name in cast("list[str]", wait.get("not_by") or []):
        return "excluded"
    if any(vote["by"] == name and vote["verdict"] == "approved" for vote in wait["votes"]):
        return "said"
    return ""


def is_for(wait: WaitView, name: str, is_administrator: bool = False) -> bool:
    """Whether a person is asked who goes by this name."""
    return wait["kind"] in ASKED and not why_not(wait, name, is_administrator)


def question_of(workspace: Workspace, wait: WaitView, name: str, is_administrator: bool = False) -> Question:
    """A wait as somebody sees it who goes by this name."""
    good = sum(vote["verdict"] == "approved" for vote in wait["votes"])
    return Question(wait, evidence_of(workspace, wait), why_not(wait, name, is_administrator), good)


def evidence_of(workspace: Workspace, wait: WaitView) -> list[Evidence]:
    """What is shown beside a question."""
    previews = {str(name): str(text) for name, text in wait["previews"]}
    packed = wait.get("show")
    if packed:
        try:
            node = unpack(packed)
            return [_told(workspace, name, item, previews) for name, item in node_parts(node) or [("", node)]]
        except Exception as error:  # one that nobody can read must not hide the others, nor that somebody is asked
            _log.warning("what is shown beside %s cannot be read: %s", wait["name"], error)
    return [_text(name, text) for name, text in previews.items()]


def _text(name: str, text: str) -> Evidence:
    return Evidence(name=name, text=short_numbers(text), pairs=[], of_gates=False, record=None)


def _told(workspace: Workspace, name: str, node: Node, previews: Mapping[str, str]) -> Evidence:
    try:
        return _looked_at(workspace, name, node)
    except Exception as error:
        _log.warning("%s, which is shown beside a question, cannot be read: %s", name or "the value", error)
    return _text(name, previews.get(name, ""))


def _findings(node: Node) -> list[list[str]]:
    """[gate, what it found] of a list of what gates have found; empty: it is something else."""
    items = node[1] if node[0] == LIST else [[PLAIN, item] for item in node[1]] if _is_plain_list(node) else []
    found = []
    for item in items[: _PAIRS + 1]:
        told = {name: _in_words(part) for name, part in node_parts(item)}
        if not told.keys() >= {"gate", "told"}:
            return []
        found.append([told["gate"], told["told"]])
    return found if len(found) <= _PAIRS else []


def _is_plain_list(node: Node) -> bool:
    return bool(node[0] == PLAIN and isinstance(node[1], list))


def _in_words(node: Node) -> str:
    """A text as it is, and whatever else as it is written."""
    return node[1] if node[0] == PLAIN and isinstance(node[1], str) else short_numbers(node_text(node))


def short_numbers(text: str) -> str:
    """A text, the numbers in it to six digits: what a computer adds to -0.01 is nothing to decide by."""
    return _FRACTION.sub(lambda found: _short(found[0]), text)


def _short(number: str) -> str:
    digits = number.partition("e")[0].strip("-0.").replace(".", "")
    return number if len(digits) <= 6 or float(number).is_integer() else f"{float(number):.6g}"


def _looked_at(workspace: Workspace, name: str, node: Node) -> Evidence:
    file = stored_file(node)
    digest = str(node[2]) if node[0] == BLOB else file.digest if file is not None else ""
    record = workspace.artifact_record(digest) if digest else None
    inside = node_parts(node)
    pairs = [[key, short_numbers(node_text(item))] for key, item in inside] if len(inside) <= _PAIRS else []
    if not isinstance(record, dict):
        record = None
    found = [] if pairs else _findings(node)
    return Evidence(name=name, text=_in_words(node), pairs=pairs or found, of_gates=bool(found), record=record)
