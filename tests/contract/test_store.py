"""The laws of stores over every store there is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from partita.store.port import Store
from partita.store.postgres import PostgresStore
from partita.store.sqlite import SqliteStore
from partita.testing.memory_store import MemoryStore
from partita.testing.peers_contract import PeersContract
from partita.testing.store_contract import StoreContract
from tests.contract.postgres_server import new_schema


class TestMemoryStore(StoreContract):
    @pytest.fixture
    def make_store(self) -> Callable[[], Store]:
        first = MemoryStore()
        return first.again


@pytest.mark.parametrize("durability", ["process", "full"])
class TestSqliteStore(StoreContract):
    @pytest.fixture
    def make_store(self, tmp_path: Path, durability: str, request: pytest.FixtureRequest) -> Callable[[], Store]:
        def make() -> Store:
            store = SqliteStore(tmp_path / "store.db", durability)
            request.addfinalizer(store.close)
            return store

        return make


class OnPostgres:
    @pytest.fixture
    def make_store(self, request: pytest.FixtureRequest) -> Callable[[], Store]:
        url = new_schema()

        def make() -> Store:
            store = PostgresStore(url)
            request.addfinalizer(store.close)
            return store

        return make


class TestPostgresStore(OnPostgres, StoreContract):
    pass


class TestPostgresIsShared(OnPostgres, PeersContract):
    pass
