"""Values that are made to be looked at."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from partita.artifacts.blobs.hashing import Buffer

__all__ = ["CODECS", "Html"]


class Html:
    """A page or fragment of HTML that a task returns for people to look at; shown in a frame without scripts.

    Args:
        text: the HTML.
    """

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text

    def __eq__(self, other: object) -> bool:
        return type(other) is Html and other.text == self.text

    def __hash__(self) -> int:
        return hash(self.text)

    def __repr__(self) -> str:
        return f"Html({self.text[:60]!r})"

    def _repr_html_(self) -> str:
        return self.text


class HtmlTexts:
    """The text in UTF-8."""

    name = "html"

    def matches(self, value: Any) -> bool:
        """Whether it is Html of text that UTF-8 knows."""
        return type(value) is Html and type(value.text) is str and _is_encodable(value.text)

    def encode(self, value: Any) -> Sequence[Buffer]:
        """The text."""
        return (value.text.encode(),)

    def decode(self, data: memoryview) -> Any:
        """The Html."""
        return Html(bytes(data).decode())


def _is_encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


CODECS = (HtmlTexts(),)
