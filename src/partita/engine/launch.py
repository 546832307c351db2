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
from partita.engine.lanes import Flight
from partita.engine.live import Live, profile_from, step_row
from partita.engine.recovery import Recovery
from partita.engine.registry import Registry
from partita.engine.standing import join_all, standing
from partita.errors import CheckError, ModelError, NotFoundError, OptionError, Problem, ProtocolError
from partita.protocol.requests import LaunchRequest
from partita.store.port import RunRow
from partita.values import pack, unpack

__all__ = ["Launch", "run_id_of_key"]

_RUN_ID = re.compile("[0-9a-z]{1,32}")


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
    ) -> None:
        self._book = book
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
        found = book.live(run_id) or book.store.run(run_id)
        if found is not None:
            return found
        number = book.store.next_run_number()
        options = {k: v for k, v in request.items() if k in ("executor", "tags", "adopt", "texts", "key", "refresh")}
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
            live.adoption = Adoption(book, self._recovery.load(request["adopt"]))
        book.turn.runs.append(row)
        book.lives[number] = live
        book.numbers[run_id] = number
        book.overruns.bind(live, profile.deadline_s, profile.budget, profile.overrun)
        join_all(book, live)
        self._add_root(live, self.add_profile(live, profile), request.get("arguments"))
        return live

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
        try:
            if verb == "launch":
                self._launch_child(flight, ticket, request, arguments)
            elif verb == "wait":
                self._wait_for_child(flight, ticket, request, arguments["run"])
            elif verb == "cached":
                self._book.caching.asked(flight, ticket, request, arguments["key"])
            else:
                answer = self._registry.asked((flight.run, flight.step), verb, arguments)
                self._book.answer(partial(flight.executor.executor.reply, ticket, request), answer)
        except (NotFoundError, CheckError, OptionError, ModelError, ProtocolError, KeyError) as error:
            flight.executor.executor.reply(
                ticket, request, False, {"type": type(error).__name__, "message": str(error)}
            )

    def _launch_child(self, flight: Flight, ticket: int, request: int, arguments: dict[str, Any]) -> None:
        book = self._book
        live = book.lives[flight.run]
        wanted: LaunchRequest = {**arguments, "bundle": arguments.get("bundle") or live.row.bundle}  # type: ignore[typeddict-item]
        if not wanted.get("key"):
            wanted["key"] = hashlib.blake2b(arguments.get("arguments") or b"", digest_size=8).hexdigest()
        if live.options.get("executor"):
            wanted["executor"] = live.options["executor"]
        wanted = {**standing(live)._asdict(), **wanted}  # type: ignore[typeddict-item]
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


def run_id_of_key(request: Mapping[str, Any], parent: tuple[str, int] | None) -> str:
    """The id of the run that a launch with an idempotency key gives."""
    origin = f"{parent[0]}:{parent[1]}" if parent is not None else ""
    digest = hashlib.blake2b(f"{origin}:{request['flow']}:{request['key']}".encode(), digest_size=10).hexdigest()
    return f"k{digest}"
