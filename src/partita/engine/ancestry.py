"""Which runs the models of the registry came from: those that registered a version, and whom these took values of."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from partita.core.states import Mark
from partita.engine.book import Book
from partita.store.models import VersionRow
from partita.store.port import RunRow, Store
from partita.values import unpack

__all__ = ["Ancestry", "each_version", "options_of"]

_PAGE = 1000
_STEPS = 200
#: Seconds after which the registry is looked at again where another engine may add to it.
_REMEMBERED_S = 10.0


class Ancestry:
    """Runs in the lineage of models. What was found stays found, so that looking again costs what is new."""

    def __init__(self, book: Book) -> None:
        self._book = book
        self._found: dict[str, str] = {}  # the version that came from it, by the id of the run
        self._seen: set[tuple[str, int]] = set()  # versions that were followed
        self._moment: Any = None  # as of when
        self._forgotten = 0  # versions that were forgotten by then

    @property
    def is_known(self) -> bool:
        """Whether all that there is now was followed."""
        return bool(self._moment == self._now())

    def version_of(self, run: str) -> str:
        """The version of a model that came from the run, or from one that took values of it over; empty: none did."""
        for _ in self.follow():
            pass
        return self._found.get(run, "")

    def follow(self) -> Iterator[None]:
        """Follow what is new, a little from one step to the next."""
        while not self.is_known:
            if self._forgotten != self._book.versions_forgotten:
                self.renew()  # what came from these alone is needed no more
                self._forgotten = self._book.versions_forgotten
            moment = self._now()
            yield from self._follow()
            self._moment = moment

    def renew(self) -> None:
        """Forget what was found: versions may have been forgotten since."""
        self._found.clear()
        self._seen.clear()
        self._moment = None

    def _now(self) -> Any:
        book = self._book
        return (
            book.versions_changed,
            book.versions_forgotten,
            book.now // _REMEMBERED_S if book.peers is not None else 0,
        )

    def _follow(self) -> Iterator[None]:
        store = self._book.store
        for model in store.models(limit=1_000_000):
            for version in each_version(store, model.name):
                key = (version.name, version.number)
                if key not in self._seen:
                    if version.run:
                        yield from self._follow_run(version.run, f"{version.name}:{version.number}")
                    self._seen.add(key)
            yield

    def _follow_run(self, run: str, version: str) -> Iterator[None]:
        store, stack = self._book.store, [run]
        while stack:
            run = stack.pop()
            if run in self._found:
                continue
            row = store.run(run)
            if row is not None:
                options = options_of(row)
                parent = options.get("parent")
                stack.extend(above for above in (options.get("adopt"), parent[0] if parent else None) if above)
                for source in self.cached_sources(row.number):
                    yield
                    if source:
                        stack.append(source)
                uses = {(use.name, use.number) for use in store.model_uses(run=row.number)}
                used = [store.model_version(*key) for key in uses]
                stack.extend(version.run for version in used if version is not None and version.run)
            self._found[run] = version
            yield

    def cached_sources(self, number: int) -> Iterator[str]:
        """The runs that computed what steps of a run took from the cache; empty texts between, after each piece of work."""
        store, after = self._book.store, -1
        while page := store.steps(number, after=after, limit=_STEPS):
            after = page[-1].id
            for step in page:
                if step.marks & Mark.CACHED and step.value is not None:
                    yield store.cache_maker(step.value)
            yield ""


def each_version(store: Store, name: str) -> Iterator[VersionRow]:
    """Every version of a model."""
    before = 0
    while page := store.versions(name, before=before, limit=_PAGE):
        yield from page
        before = page[-1].number


def options_of(row: RunRow) -> dict[str, Any]:
    """What a run was launched with."""
    options: dict[str, Any] = unpack(row.options) if row.options else {}
    return options
