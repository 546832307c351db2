"""The laws of `partita.store.secrets.SecretStore` as tests: a part of `StoreContract`."""

from __future__ import annotations

from typing import Any

import pytest

from partita.errors import FencedError
from partita.store.port import Store, Turn
from partita.store.secrets import SecretRow, SecretSealing
from partita.testing.store_rows import NOW as _NOW

__all__ = ["SecretStoreContract", "a_secret"]


def a_secret(name: str, version: int = 1, **changes: Any) -> SecretRow:
    """A secret."""
    return SecretRow(name, version, "key-1", b"\x00sealed\xff", _NOW, "ann", _NOW, "ann")._replace(**changes)


class SecretStoreContract:
    """What a store keeps of secrets."""

    def test_versions_of_a_secret_grow_also_when_it_was_forgotten(self, store: Store) -> None:
        assert [store.next_secret_version("A") for _ in range(2)] == [1, 2]
        assert store.next_secret_version("B") == 1
        store.commit(Turn(secrets=[a_secret("A", 2)]))
        store.commit(Turn(unsecreted=["A"]))
        assert store.next_secret_version("A") == 3
        assert store.next_version_number("A") == 1  # that of a model of this name is another number

    def test_secrets_come_back_as_they_were_by_name(self, store: Store) -> None:
        rows = [a_secret("B", rotated_by="é"), a_secret("A", 3, ciphertext=bytes(range(256)))]
        store.commit(Turn(secrets=rows))
        assert store.secrets() == rows[::-1]
        assert store.secrets("B") == rows[:1] and store.secrets("C") == []

    def test_a_later_version_takes_the_place_and_an_earlier_one_does_not(self, store: Store) -> None:
        store.commit(Turn(secrets=[a_secret("A", 2)]))
        later = a_secret("A", 5, key="key-2", ciphertext=b"new", created_at=9.0, created_by="bo", rotated_at=9.0)
        later = later._replace(rotated_by="bo")
        store.commit(Turn(secrets=[later]))
        kept = later._replace(created_at=_NOW, created_by="ann")
        assert store.secrets("A") == [kept]
        store.commit(Turn(secrets=[a_secret("A", 4, ciphertext=b"slow")]))
        assert store.secrets("A") == [kept]

    def test_a_value_is_encrypted_anew_only_where_it_is_the_same(self, store: Store) -> None:
        store.commit(Turn(secrets=[a_secret("A", 2), a_secret("B", 1)]))
        store.commit(Turn(sealings=[SecretSealing("key-2", b"a", "A", 1), SecretSealing("key-2", b"b", "B", 1)]))
        assert store.secrets() == [a_secret("A", 2), a_secret("B", 1, key="key-2", ciphertext=b"b")]

    def test_a_forgotten_secret_is_gone_and_may_be_set_in_the_same_turn(self, store: Store) -> None:
        store.commit(Turn(secrets=[a_secret("A"), a_secret("B")]))
        store.commit(Turn(unsecreted=["A", "B", "C"], secrets=[a_secret("B", 2, created_by="bo")]))
        assert store.secrets() == [a_secret("B", 2, created_by="bo")]

    def test_an_engine_without_the_lease_sets_no_secret(self, make_store: Any) -> None:
        old, new = make_store(), make_store()
        old.acquire("old")
        old.commit(Turn(secrets=[a_secret("A")]))
        new.acquire("new")
        if new.peers() is not None:
            pytest.skip("here several engines write at a time")
        with pytest.raises(FencedError):
            old.commit(Turn(secrets=[a_secret("A", 2)]))
        assert new.secrets() == [a_secret("A")]
