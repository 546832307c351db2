"""The laws of `partita.store.access.AccessStore` as tests: a part of `StoreContract`."""

from __future__ import annotations

from typing import Any

import pytest

from partita.errors import FencedError
from partita.store.access import AccessTurn, AuditFilter, AuditRow, SessionRow, TokenRow, UserRow
from partita.store.port import Store, Turn
from partita.testing.store_rows import NOW as _NOW

__all__ = ["AccessStoreContract", "a_session", "a_token", "a_user", "an_entry"]


def a_token(id: str = "t1", **changes: Any) -> TokenRow:
    """A token as it is made."""
    row = TokenRow(id, "é", "ann", "editor", "runs:read", b"\x00" * 31 + b"\xff", _NOW, "me", None, None, "", None)
    return row._replace(**changes)


def a_user(name: str = "ann", **changes: Any) -> UserRow:
    """A person."""
    return UserRow(name, "viewer", "provider", "https://id", f"sub-{name}", _NOW, None, 0)._replace(**changes)


def a_session(id: str = "s1", **changes: Any) -> SessionRow:
    """A browser that has just signed in."""
    row = SessionRow(id, "ann", b"\xff" * 32, _NOW, _NOW + 1000, 100.0, _NOW, "10.0.0.1", "Browser/1", "")
    return row._replace(**changes)


def an_entry(at: float = _NOW, **changes: Any) -> AuditRow:
    """Something that was done."""
    row = AuditRow(0, at, "ann", "t1", "10.0.0.1", "token.create", "t2", "done", '{"é": 1}')
    return row._replace(**changes)


def _turn(**changes: Any) -> Turn:
    return Turn(access=AccessTurn(**changes))


class AccessStoreContract:
    """What a store keeps of who may, and of what was done."""

    def test_a_turn_that_only_changes_access_is_not_empty(self, store: Store) -> None:
        assert Turn().is_empty() and not _turn(ended=["s1"]).is_empty()
        store.commit(_turn(ended=["s1"]))

    def test_tokens_come_back_as_they_were_the_newest_first(self, store: Store) -> None:
        rows = [a_token(), a_token("t2", created_at=_NOW + 1, user="", scopes="", expires_at=_NOW + 9)]
        store.commit(_turn(tokens=rows))
        assert store.tokens() == rows[::-1] and store.token("t1") == rows[0] and store.token("t3") is None

    def test_a_token_keeps_when_it_was_used_and_first_revoked(self, store: Store) -> None:
        store.commit(_turn(tokens=[a_token(), a_token("t2")]))
        store.commit(_turn(token_uses=[(_NOW + 1, "10.0.0.1", "t1")], revoked=[(_NOW + 2, "t1"), (_NOW, "none")]))
        store.commit(_turn(revoked=[(_NOW + 3, "t1")]))
        assert store.token("t1") == a_token(used_at=_NOW + 1, used_from="10.0.0.1", revoked_at=_NOW + 2)
        assert store.token("t2") == a_token("t2")

    def test_a_text_with_a_nul_stops_no_turn(self, store: Store) -> None:
        """Some databases cannot hold it; what it becomes is theirs, and is the same where it is sought."""
        rows = [a_token("t\0"), a_token("t2", name="a\0b", scopes="\0")]
        store.commit(_turn(tokens=rows, audit=[an_entry(target="a\0b")], ended=["\0"], ended_of=["\0"]))
        assert {row.name.replace("\0", "\ufffd") for row in store.tokens()} == {"é", "a\ufffdb"}
        assert store.token("t\0") is not None and store.session("\0") is None and store.sessions("\0") == []
        assert [row.who for row in store.audit(AuditFilter(target="a\0b"))] == ["ann"]

    def test_a_token_of_an_id_that_is_there_does_not_replace_it(self, store: Store) -> None:
        store.commit(_turn(tokens=[a_token()]))
        store.commit(_turn(tokens=[a_token(role="admin", hash=b"other")]))
        assert store.tokens() == [a_token()]

    def test_users_are_found_by_name_and_by_how_their_provider_calls_them(self, store: Store) -> None:
        rows = [a_user("bob"), a_user("ann")]
        store.commit(_turn(users=rows))
        assert store.users() == rows[::-1] and store.user("bob") == rows[0] and store.user("eve") is None
        assert store.user_of("https://id", "sub-ann") == rows[1] and store.user_of("local", "sub-ann") is None

    def test_signing_in_changes_neither_a_role_set_by_hand_nor_who_is_disabled(self, store: Store) -> None:
        store.commit(_turn(users=[a_user(), a_user("bob")]))
        store.commit(_turn(users=[a_user(role="admin", role_from="hand")], disabled=[(1, "bob"), (1, "none")]))
        store.commit(_turn(users=[a_user(subject="new"), a_user("bob", role="editor")], user_uses=[(_NOW + 5, "ann")]))
        assert store.user("ann") == a_user(role="admin", role_from="hand", subject="new", seen_at=_NOW + 5)
        assert store.user("bob") == a_user("bob", role="editor", is_disabled=1)
        store.commit(_turn(users=[a_user(role="editor", role_from="hand")], disabled=[(0, "bob")]))
        assert [(row.role, row.is_disabled) for row in store.users()] == [("editor", 0), ("editor", 0)]

    def test_sessions_end_one_by_one_or_all_of_a_user_or_by_time(self, store: Store) -> None:
        rows = [
            a_session("s1"), a_session("s2", created_at=_NOW + 1), a_session("s3", user="bob", idle_s=5000.0),
            a_session("s4", user="bob", expires_at=_NOW + 50), a_session("s5", user="eve"),
        ]  # fmt: skip
        store.commit(_turn(sessions=rows))
        assert store.session("s1") == rows[0] and store.sessions("ann") == [rows[1], rows[0]]
        assert [row.id for row in store.sessions()] == ["s2", "s1", "s3", "s4", "s5"]
        store.commit(_turn(session_uses=[(_NOW + 60, "s1")], ended=["s2", "none"], ended_of=["eve"]))
        assert store.session("s1") == rows[0]._replace(seen_at=_NOW + 60)
        assert [row.id for row in store.sessions()] == ["s1", "s3", "s4"]
        store.commit(_turn(expired=[_NOW + 101]))
        assert [row.id for row in store.sessions()] == ["s1", "s3"]
        store.commit(_turn(expired=[_NOW + 999]))
        assert [row.id for row in store.sessions()] == ["s3"]

    def test_sessions_end_with_the_token_that_they_were_started_by(self, store: Store) -> None:
        rows = [a_session("s1", token="t1"), a_session("s2", token="t2"), a_session("s3")]
        store.commit(_turn(sessions=rows))
        assert store.session("s1") == rows[0]
        store.commit(_turn(ended_by=["t1"]))
        assert store.sessions() == rows[1:]

    def test_the_audit_is_numbered_without_gaps_as_it_is_committed(self, store: Store) -> None:
        store.commit(_turn(audit=[an_entry(), an_entry(_NOW + 1, number=99)]))
        store.commit(_turn(audit=[an_entry(_NOW - 5)]))
        rows = [an_entry(number=1), an_entry(_NOW + 1, number=2), an_entry(_NOW - 5, number=3)]
        assert store.audit() == rows[::-1] and store.audit(limit=2) == rows[:0:-1]
        assert store.audit(before=3, limit=1) == [rows[1]] and store.audit(before=1) == []
        assert store.audit(after=0, limit=2) == rows[:2] and store.audit(after=2) == [rows[2]]
        assert store.audit(after=3) == []

    def test_the_audit_is_found_by_who_what_and_when(self, store: Store) -> None:
        rows = [
            an_entry(), an_entry(_NOW + 1, who="bob"), an_entry(_NOW + 2, action="tokens.create"),
            an_entry(_NOW + 3, action="token"), an_entry(_NOW + 4, target="t%"),
        ]  # fmt: skip
        store.commit(_turn(audit=rows))

        def found(**which: Any) -> list[int]:
            return [row.number for row in store.audit(AuditFilter(**which), after=0)]

        assert found() == [1, 2, 3, 4, 5] and found(who="bob") == [2] and found(who="bo") == []
        assert found(action="token") == [1, 2, 4, 5] and found(action="token.create") == [1, 2, 5]
        assert found(target="t%") == [5] and found(target="t2", who="bob") == [2]
        assert found(since=_NOW + 3) == [4, 5] and found(until=_NOW + 1) == [1] and found(who="' or 1=1 --") == []
        assert [row.number for row in store.audit(AuditFilter(action="token"), before=5, limit=2)] == [4, 2]

    def test_who_lost_the_lease_notes_nothing(self, store: Store, make_store: Any) -> None:
        other = make_store()
        other.acquire("other")
        if other.peers() is None:
            with pytest.raises(FencedError):
                store.commit(_turn(audit=[an_entry()], tokens=[a_token()]))
            assert other.audit() == [] and other.tokens() == []
        other.close()
