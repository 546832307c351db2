"""Secrets inside of texts: "Bearer ${API_TOKEN}" is filled in where the attempt runs, and stored nowhere."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from urllib.parse import quote

from partita.errors import DefinitionError

__all__ = ["filled", "filled_all", "filled_url", "has_variable"]

_VARIABLE = re.compile(r"\$\{(\w+)\}")


def has_variable(text: str) -> bool:
    """Whether there is something to fill in."""
    return _VARIABLE.search(text) is not None


def filled(text: str, what: str) -> str:
    """The text with each `${NAME}` replaced by the attempt's variable of that name.

    Args:
        what: the text's name for messages, such as "http_request's url".

    Raises:
        DefinitionError: the attempt has no such variable.
    """

    def value(found: re.Match[str]) -> str:
        try:
            return os.environ[found[1]]
        except KeyError:
            raise DefinitionError(
                f"{what} names ${{{found[1]}}}, which this attempt has not; "
                f'give it by .with_options(secrets=["{found[1]}"]) and store it: `partita secrets set {found[1]}`'
            ) from None

    return _VARIABLE.sub(value, text)


def filled_url(text: str, what: str) -> str:
    """The same for an address: what goes into a part of it is quoted, so that a password may have any character."""
    if _VARIABLE.fullmatch(text):
        return filled(text, what)  # the whole address is the secret
    return _VARIABLE.sub(lambda found: quote(filled(found[0], what), safe=""), text)


def filled_all(texts: Mapping[str, str], what: str) -> dict[str, str]:
    """The same for every value of a map."""
    return {name: filled(text, f"{what} {name!r}") for name, text in texts.items()}
