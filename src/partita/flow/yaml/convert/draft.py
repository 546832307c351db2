"""A YAML flow that is being written, with comments on what could not be said in it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Draft", "DraftStep", "Expr", "literal", "unique_name"]

_WIDTH = 110


@dataclass(frozen=True)
class Expr:
    """An expression, without its braces."""

    text: str

    def __str__(self) -> str:
        return f"${{{{ {self.text} }}}}"


def literal(text: str) -> str:
    """The text with what would be read as an expression written out."""
    return text.replace("${{", "$${{")


@dataclass
class DraftStep:
    """One step."""

    name: str
    entries: dict[str, Any]
    notes: list[str] = field(default_factory=list)  # what is to be looked at


@dataclass
class Draft:
    """The whole flow."""

    entries: dict[str, Any] = field(default_factory=dict)  # what stands before the steps
    steps: list[DraftStep] = field(default_factory=list)
    outputs: Any = None
    header: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)  # on the whole flow

    def text(self) -> str:
        """The file."""
        blocks = [_comment(self.header)] if self.header else []
        if self.notes:
            blocks.append(_comment(f"! {note}" for note in self.notes))
        if self.entries:
            blocks.append(_entries(self.entries))
        steps = ["".join([_comment((f"! {n}" for n in step.notes), "  "), _step(step)]) for step in self.steps]
        blocks.append("steps:\n" + "\n".join(steps) if steps else "steps: {}\n")
        if self.outputs is not None:
            blocks.append(_entries({"outputs": self.outputs}))
        return "\n".join(blocks)

    def all_notes(self) -> list[str]:
        """What is to be looked at, for people."""
        return [*self.notes, *(f"{step.name}: {note}" for step in self.steps for note in step.notes)]


def _comment(lines: Any, margin: str = "") -> str:
    return "".join(f"{margin}# {part}\n" for line in lines for part in str(line).splitlines())


def _step(step: DraftStep) -> str:
    lines = _entries(step.entries).splitlines()
    return f"  {step.name}:\n" + "".join(f"    {line}\n" if line else "\n" for line in lines)


def _entries(entries: dict[str, Any]) -> str:
    """Each entry on lines of its own; what is in it as short as it fits."""
    return "".join(_dumped({key: value}, not isinstance(value, (list, dict))) for key, value in entries.items())


def _dumped(data: dict[str, Any], is_block: bool = False) -> str:
    import yaml

    class Dumper(yaml.SafeDumper):
        def ignore_aliases(self, data: Any) -> bool:
            return True

    def text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
        style = "|" if "\n" in value else None
        # What YAML 1.1 reads as a boolean is a text to us, and others who read the file should agree.
        return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)

    Dumper.add_representer(str, text)
    Dumper.add_representer(Expr, lambda dumper, value: text(dumper, str(value)))
    written: str = yaml.dump(
        data,
        Dumper=Dumper,
        sort_keys=False,
        allow_unicode=True,
        width=_WIDTH,
        default_flow_style=False if is_block else None,
    )
    return written


def unique_name(wanted: str, taken: set[str]) -> str:
    """A name for a step like the wanted one; it is added to those that are taken."""
    name = re.sub(r"[^\w-]+", "-", wanted).strip("-") or "step"
    if not (name[0].isalpha() or name[0] == "_"):
        name = f"step-{name}"
    candidate, number = name, 1
    while candidate in taken:
        number += 1
        candidate = f"{name}-{number}"
    taken.add(candidate)
    return candidate
