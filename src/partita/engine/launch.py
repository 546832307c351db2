"""How runs begin: by a client's request, or by a step of another run."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from partita.core.events import Event, Happening
from partita.core.graph import Run, Step
from partita.core.records import Profile
from partita.core.standing import owner_of, said
from partita.core.states import Kind, State
from partita.engine.adoption import Adoption
from partita.engine.book import Book
from partita.engine.gates import checked_checks
from partita.engine.lanes import Flight
from partita.engine.live import Live, profile_from, step_row
from partita.engine.publishing import Publications
from partita.engine.recovery import Recovery
from partita.engine.registry import Registry
from partita.engine.secrets import Secrets
from partita.engine.standing import join_all, standing
from partita.errors import (
    CheckError,
    ConflictError,
    GateError,
    ModelError,
    NotFoundError,
    OptionError,
    Problem,
    ProtocolError,
    SecretError,
)
from partita.protocol.publications import parse_publication
from partita.protocol.requests import LaunchRequest
from partita.protocol.retention import let_go_at
from partita.protocol.secrets import SECRET
from partita.store.port import RunRow
from partita.store.publications import PublishedRunRow
from partita.values import pack, unpack

__all__ = ["Launch", "run_id_of_key"]

_RUN_ID = re.compile("[0-9a-z]{1,32}")
#: What of a request stays with the run.
_KEPT = frozenset({"executor", "tags", "adopt", "texts", "key", "asked", "refresh", "afresh", "traceparent"})


class Launch:
    """Makes runs, and answers the attempts that ask for them."""

    add_profile: Callable[[Live, Profile], int]
    misplaced: Callable[[Live, Profile, str], list[dict[str, Any]]]

    def __init__(
        self,
        book: Book,
        recovery: Recovery,
        new_id: Callable[[], str],
        cancel: Callable[..., None],
        registry: Registry,
        secrets: Secrets,
        publications: Publications,
    ) -> None:
        self._book = book
        self._secrets = secrets
        self._publications = publications
        self._registry = registry
        self._recovery = recovery
        self._new_id = new_id
        self._cancel = cancel

    def launch(self, request: LaunchRequest, parent: tuple[str, int] | None = None) -> Live | RunRow:
        """A new run, or the one that was launched with this key before.

        It is written with the turn; whoever is told of it must be told after the commit.
        """
        book = self._book
        run_id = self._id_for(request, parent)
        found = self._launched(run_id)
        if found is not None:
            _need_same(found, request)
            return found
        options: dict[str, Any] = {k: v for k, v in request.items() if k in _KEPT}
        if request.get("publication"):
            is_sample = parent is not None and bool(request.get("is_sample"))
            request, options["publication"] = self._of_publication(request, is_sample=is_sample)
        if request.get("checks"):
            options["checks"] = checked_checks(request["checks"])
        number = book.store.next_run_number()
        options |= said(request)
        if user := owner_of(request.get("user") or "", "user"):
            options["user"] = user
        if parent is not None:
            options["parent"] = list(parent)
        row = RunRow(
            number, run_id, request["flow"], request.get("title") or request["flow"].rpartition(":")[2], State.PENDING,
            request["bundle"], request.get("arguments") or b"", pack(options), book.now, book.now, None, None, None,
        )  # fmt: skip
        live = Live(Run(number, run_id), row, options, book.bundle_folder(request["bundle"]))
        live.started_at = book.now
        given = {"function": row.flow, "title": row.title, **(request.get("profile") or {}), "body": "flow"}
        given["priority"] = 0  # the run's is added
        profile = profile_from(given)
        problems = self.misplaced(live, profile, "")
        if problems:
            raise CheckError([Problem(**problem) for problem in problems])
        if request.get("adopt"):
            adopted = self._recovery.load(request["adopt"])
            if adopted[0].notes and let_go_at(unpack(adopted[0].notes), "run") is not None:
                raise NotFoundError(
                    f"run {adopted[0].id} is being deleted, as the setting retention says; start a new one"
                )
            live.adoption = Adoption(book, adopted, request.get("afresh") or ())
        book.turn.runs.append(row)
        book.counters.runs_started += 1
        if published := options.get("publication"):
            book.turn.publishing.runs.append(PublishedRunRow(number, *published))
        if checks := options.get("checks"):
            self._publications.gates.begin(run_id, checks, options.get("user") or options.get("owner") or "")
        book.lives[number] = live
        book.numbers[run_id] = number
        book.news.add("run", run_id)
        book.overruns.bind(live, profile.deadline_s, profile.budget, profile.overrun)
        join_all(book, live)
        self._add_root(live, self.add_profile(live, profile), request.get("arguments"))
        return live

    def is_known(self, request: LaunchRequest) -> bool:
        """Whether a run was launched with the request's key before."""
        return bool(request.get("key")) and self._launched(run_id_of_key(request, None)) is not None

    def _launched(self, run_id: str) -> Live | RunRow | None:
        return self._book.live(run_id) or self._book.store.run(run_id)

    def _of_publication(self, request: LaunchRequest, *, is_sample: bool) -> tuple[LaunchRequest, list[Any]]:
        """The request with the flow and the code of the version that it names; and [name, number] of that.

        Raises:
            GateError: the version has not passed its gates, and it is no check of them that asks.
            NotFoundError: there is no such version, or it is retired.
        """
        published = self._publications.published
        row = published.find(parse_publication(request["publication"]), request.get("stage") or "")
        if not is_sample:
            published.usable(row)
        title = published.view(row)["title"]
        whole: LaunchRequest = {**request, "flow": row.flow, "bundle": row.bundle, "title": title}
        return whole, [row.name, row.number]

    def _id_for(self, request: LaunchRequest, parent: tuple[str, int] | None) -> str:
        if request.get("key"):
            return run_id_of_key(request, parent)
        proposed = request.get("id") or self._new_id()
        if not _RUN_ID.fullmatch(proposed):  # it becomes the name of folders
            raise ProtocolError(f"{proposed!r} cannot be the id of a run: give up to 32 small letters and digits")
        return proposed

    def _add_root(self, live: Live, profile: int, arguments: bytes | None) -> None:
        run = live.run
        root = Step(0, -1, live.row.title, Kind.FLOW, profile, (), -1)
        run.steps[0] = root
        run.next_id = 1
        if arguments:
            live.arguments[0] = arguments
        self._book.turn.steps.append(step_row(run.number, root, arguments, ""))
        self._book.advance(live, Event(Happening.REVEALED, 0))

    def request(self, flight: Flight, ticket: int, request: int, verb: str, arguments: dict[str, Any]) -> None:
        """An attempt asks for something."""
        book = self._book
        try:
            if verb == "launch":
                self._launch_child(flight, ticket, request, arguments)
            elif verb == "wait":
                self._wait_for_child(flight, ticket, request, arguments["run"])
            elif verb == "cached":
                book.caching.asked(flight, ticket, request, arguments["key"])
            else:
                if verb.startswith("gate"):
                    run = book.lives[flight.run].run.id
                    answer: Any = self._publications.asked(run, flight.step, verb, arguments)
                elif verb == SECRET:
                    answer = self._secrets.asked(flight, arguments)
                else:
                    answer = self._registry.asked((flight.run, flight.step), verb, arguments)
                book.answer(partial(flight.executor.executor.reply, ticket, request), answer)
        except (
            NotFoundError, CheckError, GateError, OptionError, ModelError, ProtocolError, SecretError, KeyError,
        ) as error:  # fmt: skip
            flight.executor.executor.reply(
                ticket, request, False, {"type": type(error).__name__, "message": str(error)}
            )

    def _launch_child(self, flight: Flight, ticket: int, request: int, arguments: dict[str, Any]) -> None:
        book = self._book
        live = book.lives[flight.run]
        wanted: LaunchRequest = {**arguments, "bundle": arguments.get("bundle") or live.row.bundle}  # type: ignore[typeddict-item]
        if not wanted.get("key"):
            wanted["key"] = hashlib.blake2b(arguments.get("arguments") or b"", digest_size=8).hexdigest()
        wanted["is_sample"] = bool(live.options.get("checks"))
        if live.options.get("executor"):
            wanted["executor"] = live.options["executor"]
        wanted = {**standing(live)._asdict(), **wanted}  # type: ignore[typeddict-item]
        if book.tracing is not None:
            wanted["traceparent"] = book.tracing.of_attempt(live, flight.step, flight.attempt)
        child = self.launch(wanted, (live.run.id, flight.step))
        child_id = child.run.id if isinstance(child, Live) else child.id
        live.children.add(child_id)
        book.answers.append(lambda: flight.executor.executor.reply(ticket, request, True, child_id))

    def _wait_for_child(self, flight: Flight, ticket: int, request: int, run_id: str) -> None:
        book = self._book
        child = book.live(run_id)
        if child is None or child.is_final:
            row = book.store.run(run_id)
            if row is None:
                raise NotFoundError(f"there is no run {run_id}")
            self._answer_wait(ticket, request, row.state, row.error, self._recovery.result(run_id))
            return
        book.waiters.setdefault(run_id, []).append((ticket, request, True))
        flight.executor.wait(flight.lane)

    def _answer_wait(self, ticket: int, request: int, state: int, error: bytes | None, result: bytes | None) -> None:
        flight = self._book.flights.get(ticket)
        if flight is None:
            return
        answer = {"state": State(state).name.lower(), "error": unpack(error) if error else None, "result": result}
        flight.executor.executor.reply(ticket, request, True, answer)

    def ended(self, live: Live) -> None:
        """A run has ended and its end is committed: tell the attempts that wait for it."""
        waiters = self._book.waiters.pop(live.run.id, [])
        if not waiters:
            return
        result = self._recovery.result_of(live.run)
        for ticket, request, _ in waiters:
            flight = self._book.flights.get(ticket)
            if flight is not None:
                state, error = int(live.run.state), live.run.root.error
                answer = partial(self._answer_wait, ticket, request, state, error, result)
                self._book.resumed.append((flight, ticket, answer))

    def wake_waiters(self) -> bool:
        """Let attempts go on that have what they waited for, as far as there is room for them again."""
        book, left, did = self._book, [], False
        for item in book.resumed:
            flight, ticket, answer = item
            if ticket not in book.flights:
                continue
            if flight.executor.wake(flight.lane):
                answer()
                did = True
            else:
                left.append(item)
        book.resumed = left
        return did


def _need_same(found: Live | RunRow, request: LaunchRequest) -> None:
    """
    Raises:
        ConflictError: the key was given to something else before.
    """
    options = found.options if isinstance(found, Live) else unpack(found.options)
    if request.get("asked", "") != options.get("asked", ""):
        raise ConflictError(
            f"run {found.run.id if isinstance(found, Live) else found.id} was launched with this key and asks for something "
            "else; give another key, or what was given before"
        )


def run_id_of_key(request: Mapping[str, Any], parent: tuple[str, int] | None) -> str:
    """The id of the run that a launch with an idempotency key gives."""
    origin = f"{parent[0]}:{parent[1]}" if parent is not None else ""
    # Where it is known what was asked, another flow is something else, and not another run.
    flow = "" if request.get("asked") else request["flow"]
    digest = hashlib.blake2b(f"{origin}:{flow}:{request['key']}".encode(), digest_size=10).hexdigest()
    return f"k{digest}"
