"""Sessions and tokens as time goes by, and changes that meet in one turn."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from partita.engine.access import Access
from partita.engine.book import Book
from partita.engine.values import ValueCache
from partita.errors import OptionError
from partita.protocol.access import credential_id, new_secret, secret_hash
from partita.store.port import Turn
from partita.testing.clock import VirtualClock
from partita.testing.memory_store import MemoryStore

START = 1_700_000_000.0
BY = ["root", "t0", "10.0.0.9"]


class Desk:
    """What clients ask of the engine's access, each in a turn of its own or several in one."""

    def __init__(self) -> None:
        store = MemoryStore()
        store.acquire("one")
        self.book = Book(store, VirtualClock(), {}, "process", lambda bundle: bundle, "", "", ValueCache(store))
        self.book.now = START
        self.verbs = Access(self.book).verbs
        self.writes = 0

    def __call__(self, verb: str, **fields: Any) -> Any:
        answer = self.ask(verb, **fields)
        self.commit()
        return answer

    def ask(self, verb: str, **fields: Any) -> Any:
        return self.verbs[verb]({"by": BY, **fields})

    def commit(self) -> None:
        self.writes += bool(self.book.turn.access)
        self.book.store.commit(self.book.turn)
        self.book.turn = Turn()

    def session(self, **fields: Any) -> partial[Any]:
        id, secret = new_secret("session")
        self("session_start", id=id, hash=secret_hash(secret), **fields)
        return partial(self, "session_find", id=id, hash=secret_hash(secret))

    def token(self, name: str = "a", role: str = "editor", **fields: Any) -> tuple[str, dict[str, Any]]:
        """Id of a new token, and what proves it."""
        id, secret = new_secret("token")
        self("token_create", id=id, hash=secret_hash(secret), name=name, role=role, **fields)
        return id, {"token": id, "token_hash": secret_hash(secret)}


@pytest.fixture
def desk() -> Desk:
    made = Desk()
    made("user_set", name="ann", role="editor")
    return made


def test_a_session_rolls_on_with_requests_up_to_its_whole_life(desk: Desk) -> None:
    find = desk.session(user="ann", lifetime_s=1000.0, idle_s=100.0)
    for _ in range(11):
        desk.book.now += 90.0
        assert find() is not None
    desk.book.now += 9.0
    assert find() is not None, "it is 999 s old"
    desk.book.now += 1.0
    assert find() is None and desk("sessions") == []


def test_a_session_without_requests_is_over(desk: Desk) -> None:
    find = desk.session(user="ann", lifetime_s=1e6, idle_s=7200.0)
    desk.book.now += 7199.0
    assert find() is not None
    desk.book.now += 7200.0
    assert desk("sessions") == [] and find() is None


def test_that_something_is_used_is_written_at_most_once_a_minute(desk: Desk) -> None:
    find = desk.session(user="ann", lifetime_s=1e6, idle_s=7200.0)
    id, secret = new_secret("token")
    desk("token_create", id=id, hash=secret_hash(secret), name="a", role="viewer")
    before = desk.writes
    for _ in range(120):
        desk.book.now += 1.0
        assert find() is not None and desk("token_identify", id=id, hash=secret_hash(secret), address="a") is not None
    # The token when it is first used, and after a minute; the session after one minute and after two.
    assert desk.writes - before == 4
    assert desk.book.store.user("ann").seen_at == START + 120  # type: ignore[union-attr]


def test_changes_of_one_user_in_one_turn_see_each_other(desk: Desk) -> None:
    desk.ask("user_set", name="ann", role="admin")
    desk.ask("user_disable", name="ann")
    assert desk.ask("user_set", name="ann", role="viewer")["is_disabled"]
    desk.commit()
    row = desk.book.store.user("ann")
    assert row is not None and (row.role, row.is_disabled) == ("viewer", 1)


@pytest.mark.parametrize("name", ["eve,ann", "token:x", "a b", ",", "a\nb"])
def test_nobody_is_named_as_several_or_as_what_is_no_person(desk: Desk, name: str) -> None:
    """Those who approved are listed with commas, and gates compare what is between them."""
    for source in ({}, {"source": "https://id", "subject": "1"}):
        with pytest.raises(OptionError):
            desk("user_set", name=name, role="editor", **source)


def test_the_same_request_after_an_engine_that_died_makes_no_second_token(desk: Desk) -> None:
    id, secret = new_secret("token")
    fields = {"id": id, "hash": secret_hash(secret), "name": "a", "role": "viewer", "is_first": True}
    assert desk("token_create", **fields) == desk("token_create", **fields)
    assert len(desk("tokens")) == 1 and [entry["action"] for entry in desk("audit", after=1)] == ["token.create"]
    assert desk("token_create", **{**fields, "id": new_secret("token")[0]}) is None


def test_sessions_that_are_over_are_forgotten_when_another_starts(desk: Desk) -> None:
    desk.session(user="ann", lifetime_s=10.0, idle_s=10.0)
    desk.book.now += 11.0
    desk.session(user="ann", lifetime_s=10.0, idle_s=10.0)
    assert len(desk.book.store.sessions()) == 1


def test_a_session_of_a_token_may_what_the_token_may_and_ends_with_it(desk: Desk) -> None:
    id, proof = desk.token("nightly", scopes=["runs:read"], expires_in_s=500.0)
    find = desk.session(lifetime_s=1e6, idle_s=1e6, address="10.0.0.1", agent="B", **proof)
    told = find()
    assert (told["user"], told["role"], told["scopes"], told["token"]) == ("token:nightly", "editor", ["runs:read"], id)
    assert told["expires_at"] == START + 500.0
    assert (
        [session["id"] for session in desk("sessions")]
        == [told["id"]]
        == [session["id"] for session in desk("sessions", user="token:nightly")]
    )
    entry = desk("audit", action="sign-in")[0]
    assert (entry["who"], entry["credential"], entry["data"]["token"]) == ("token:nightly", told["id"], id)
    desk.book.now += 499.0
    assert find() is not None and desk.book.store.token(id).used_at == desk.book.now  # type: ignore[union-attr]
    desk.book.now += 1.0
    assert find() is None and desk("sessions") == []


def test_a_session_of_a_token_that_is_revoked_is_over_at_once(desk: Desk) -> None:
    (id, proof), (_, other) = desk.token(), desk.token("b")
    find, stays = desk.session(lifetime_s=1e6, idle_s=1e6, **proof), desk.session(lifetime_s=1e6, idle_s=1e6, **other)
    desk.ask("token_revoke", id=id)
    assert desk.ask("session_find", **find.keywords) is None, "also within the turn"
    desk.commit()
    assert find() is None and stays() is not None and len(desk.book.store.sessions()) == 1


def test_a_session_of_somebodys_token_is_theirs_and_never_more_than_they_are(desk: Desk) -> None:
    _, proof = desk.token(role="admin", user="ann")
    find = desk.session(lifetime_s=1e6, idle_s=1e6, **proof)
    assert (find()["user"], find()["role"]) == ("ann", "editor")
    desk("user_set", name="ann", role="viewer")
    assert find()["role"] == "viewer" and desk("sessions", user="ann")[0]["role"] == "viewer"
    desk("user_disable", name="ann")
    desk("user_disable", name="ann", is_disabled=False)
    assert find() is None, "enabling somebody brings back no session"


def test_a_token_that_counts_no_more_starts_no_session(desk: Desk) -> None:
    id, proof = desk.token()
    started = {"lifetime_s": 10.0, "idle_s": 10.0, "hash": b"x" * 32, "id": "s1"}
    assert desk("session_start", **started, token=id, token_hash=b"x" * 32) is None
    assert desk("session_start", **started, token="none", token_hash=proof["token_hash"]) is None
    desk("token_revoke", id=id)
    assert desk("session_start", **started, **proof) is None and desk.book.store.sessions() == []


def test_nobody_has_sessions_without_end(desk: Desk) -> None:
    _, proof = desk.token()
    finds = []
    for _ in range(60):
        desk.book.now += 1.0
        finds.append(desk.session(lifetime_s=1e6, idle_s=1e6, **proof))
    assert len(desk.book.store.sessions()) == 50 and finds[0]() is None and finds[-1]() is not None


def test_secrets_are_of_256_bits_and_name_their_ids() -> None:
    for kind in ("token", "session"):
        made = [new_secret(kind) for _ in range(50)]
        assert len({secret for _, secret in made}) == 50
        for id, secret in made:
            assert credential_id(kind, secret) == id and len(secret.split("_", 2)[2]) == 43
            assert credential_id("session" if kind == "token" else "token", secret) == ""
