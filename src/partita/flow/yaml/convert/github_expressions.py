"""Expressions of GitHub Actions, as far as they mean the same in a YAML flow."""

from __future__ import annotations

import json
import re
from typing import Any

from partita.flow.yaml.convert.draft import Expr, literal

__all__ = ["Translation"]

_EXPRESSION = re.compile(r"\$\{\{(.*?)\}\}", re.DOTALL)
_WORD = re.compile(r"'(?:[^']|'')*'|[A-Za-z_][\w-]*(?:\.[A-Za-z_*][\w-]*)*|[^'A-Za-z_]+")
_LITERALS = frozenset({"true", "false", "null"})


class _Unclear(ValueError):
    pass


class Translation:
    """Translates the expressions of one step, and gathers the environment that they need."""

    def __init__(self, inputs: set[str], variables: dict[str, Any], has_items: bool, notes: list[str]) -> None:
        self._inputs = inputs
        self._variables = variables
        self._has_items = has_items
        self._notes = notes
        self._secrets: list[str] = []

    def command(self, text: str) -> str:
        """A shell command with its expressions translated."""
        parts, end = [], 0
        for found in _EXPRESSION.finditer(text):
            parts.append(literal(text[end : found.start()]))
            if text[max(found.start() - 1, 0) : found.start()] in ("'", '"'):
                self._notes.append("values are quoted for the shell: take the quotes around ${{ }} away")
            parts.append(self._in_command(found[1].strip(), found[0]))
            end = found.end()
        return "".join([*parts, literal(text[end:])])

    def _in_command(self, expression: str, written: str) -> str:
        secret = re.fullmatch(r"secrets\.(\w+)", expression)
        if secret:
            self._secrets.append(secret[1])
            return f'"${secret[1]}"'
        try:
            return str(Expr(self._translated(expression)))
        except _Unclear as error:
            self._notes.append(str(error))
            return f"${written}"

    def condition(self, conditions: list[str]) -> str | None:
        """What `when` says."""
        found = []
        for text in conditions:
            inner = _EXPRESSION.fullmatch(text.strip())
            try:
                found.append(self._translated((inner[1] if inner else text).strip()))
            except _Unclear as error:
                self._notes.append(f"its condition `{text}` is left out: {error}")
        if not found:
            return None
        return str(Expr(found[0] if len(found) == 1 else " && ".join(f"({one})" for one in found)))

    def environment(self) -> dict[str, Any]:
        """The options for the variables and secrets of the step."""
        constants: dict[str, str] = {}
        for name, value in self._variables.items():
            text = value if isinstance(value, str) else json.dumps(value)
            secret = re.fullmatch(r"\$\{\{\s*secrets\.(\w+)\s*\}\}", text)
            if secret and secret[1] == name:
                self._secrets.append(name)
            elif "${{" in text:
                self._notes.append(f"the variable {name} = {text} is left out: write its value into the command")
            else:
                constants[name] = text
        found: dict[str, Any] = {"environment_variables": constants} if constants else {}
        if self._secrets:
            found["secrets"] = list(dict.fromkeys(self._secrets))
        return found

    def _translated(self, text: str) -> str:
        words = _WORD.findall(text)
        if "".join(words) != text:
            raise _Unclear(f"`{text}` could not be read")
        return "".join(self._word(word, after) for word, after in zip(words, [*words[1:], ""], strict=True))

    def _word(self, word: str, after: str) -> str:
        if word.startswith("'"):
            return json.dumps(word[1:-1].replace("''", "'"), ensure_ascii=False)
        if not (word[0].isalpha() or word[0] == "_") or word in _LITERALS:
            return word
        if after.lstrip().startswith("("):
            if word == "fromJSON" or word == "toJSON":
                return word
            raise _Unclear(f"the function {word}(...) has no direct counterpart")
        word = word.removeprefix("github.event.")
        root, _, rest = word.partition(".")
        name = re.sub(r"\W", "_", rest.partition(".")[0])
        if root == "inputs" and name in self._inputs:
            return f"inputs.{name}"
        if root == "matrix" and self._has_items and rest:
            return f"item.{name}"
        value = self._variables.get(rest) if root == "env" else None
        if isinstance(value, (str, int, float, bool)) and "${{" not in str(value):
            return json.dumps(value, ensure_ascii=False)
        raise _Unclear(f"`{word}` is not known here: make it an input, or what a step gives (steps.NAME.output.stdout)")
