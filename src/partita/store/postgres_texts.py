"""Texts as PostgreSQL can hold them: it has none with a NUL or with half of a character.

One name of an event, or one comment, with a NUL in it would be refused with the turn that holds it, and the turn be tried again
for ever: nobody's runs would go on. So a NUL is written as the sign for what cannot be shown, in what is sought as in what is
kept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import psycopg

__all__ = ["let_texts_be"]


def let_texts_be(connection: psycopg.Connection[Any]) -> None:
    """Have texts with what cannot be held be written with a sign for it."""
    from psycopg.adapt import Dumper

    encoding = connection.info.encoding

    class Holdable(Dumper):
        """As psycopg's own, which leaves the type to the server, and is compiled so that nothing can be made of it."""

        def dump(self, obj: str) -> bytes:
            return (obj.replace("\0", "\ufffd") if "\0" in obj else obj).encode(encoding, "replace")

    connection.adapters.register_dumper(str, Holdable)
