"""Fields of forms: what a person types, checked where it is typed, and kept when something is wrong with it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from partita.errors import CheckError
from partita.protocol.forms import Form, filled
from partita.web.texts import Texts

__all__ = ["Field", "answer_fields", "answer_of", "read_texts"]

#: What is said of what does not fit, by the form's type.
_WRONG = {
    "integer": "Give a whole number, not {given}.",
    "number": "Give a number, not {given}.",
    "boolean": "Give true or false, not {given}.",
    "choice": "Choose one of {choices}, not {given}.",
    "date": "Give a date such as 2026-01-31, not {given}.",
    "datetime": "Give a time such as 2026-01-31T09:30, not {given}.",
    "list": "Give a list as JSON, such as {example}: {reason}",
    "object": "Give a map as JSON, such as {example}: {reason}",
    "map": "Give a map as JSON, such as {example}: {reason}",
}


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a form."""

    name: str  # of the element
    label: str
    form: Form  # `partita.protocol.forms`
    type: str = ""  # as it is written in the code
    is_required: bool = True
    default: str = ""  # as it would be typed; empty where it cannot be
    default_code: str = ""  # as it is written in the code; empty: there is none
    help: str = ""

    @property
    def id(self) -> str:
        """The element's id in a page."""
        return "f-" + "".join(letter if letter.isalnum() else "-" for letter in self.name)

    @property
    def kind(self) -> str:
        """Of the element: the form's type, or "switch" for what is true or false."""
        kind = str(self.form["type"])
        return "switch" if kind == "boolean" and not self.is_optional else kind

    @property
    def is_optional(self) -> bool:
        """Whether nothing is a value, too."""
        return bool(self.form.get("is_optional"))

    @property
    def choices(self) -> list[str]:
        """What there is to choose from, as texts."""
        return ["true", "false"] if self.kind == "boolean" else [str(choice) for choice in self.form.get("choices", ())]


def read_texts(fields: Iterable[Field], given: Mapping[str, str], tell: Texts) -> tuple[dict[str, str], dict[str, str]]:
    """What was typed as texts for a launch, without what is left to defaults; and what is wrong, both by field."""
    texts: dict[str, str] = {}
    wrong: dict[str, str] = {}
    for field in fields:
        text = given.get(field.name, "")
        if field.kind == "switch":
            texts[field.name] = "true" if text else "false"
        elif not text.strip():
            _blank(field, texts, wrong, tell)
        elif fault := _fault(field, text, tell):
            wrong[field.name] = fault
        else:
            texts[field.name] = text
    return texts, wrong


def _blank(field: Field, texts: dict[str, str], wrong: dict[str, str], tell: Texts) -> None:
    """Nothing was typed: the default, null, or an empty text."""
    if field.is_optional and (field.is_required or field.default):
        texts[field.name] = "null"
    elif field.form["type"] == "text" and not field.is_required and field.default:
        texts[field.name] = ""
    elif field.is_required:
        wrong[field.name] = tell("This is required.")


def _fault(field: Field, text: str, tell: Texts) -> str:
    """What is wrong with what was typed; empty: nothing."""
    try:
        filled(field.form, text)
    except CheckError as error:
        return _said(field.form, text, error, tell)
    return ""


def _said(form: Form, text: str, error: CheckError, tell: Texts) -> str:
    reason = "; ".join(problem.message.removeprefix("the answer: ") for problem in error.problems)
    wrong = _WRONG.get(form["type"])
    if wrong is None:
        return reason
    choices = ", ".join(map(str, form.get("choices", ())))
    example = '["a", "b"]' if form["type"] == "list" else '{"name": "value"}'
    return tell(wrong, given=repr(text[:80]), choices=choices, example=example, reason=reason[:400])


def answer_fields(form: Form) -> list[Field]:
    """The fields that a person fills in to answer."""
    if form["type"] != "object":
        return [Field("value", "", form, is_required=not form.get("is_optional"))]
    return [
        Field(
            f"value.{item['name']}", item["name"], item["form"], is_required=bool(item["is_required"]),
            default=_as_text(item.get("default")), help=str(item.get("description", "")),
        )
        for item in form["fields"]
    ]  # fmt: skip


def _as_text(default: Any) -> str:
    import json

    return "" if default is None else default if isinstance(default, str) else json.dumps(default)


def answer_of(form: Form, given: Mapping[str, str], tell: Texts) -> tuple[Any, dict[str, str]]:
    """The answer that was typed, as the engine takes it; and what is wrong with it, by field."""
    texts, wrong = read_texts(answer_fields(form), given, tell)
    if form["type"] != "object":
        return texts.get("value"), wrong
    return {name.removeprefix("value."): text for name, text in texts.items()}, wrong
