"""A layout: what the calls in a flow's body become."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path as FolderPath
from threading import get_ident
from types import FrameType
from typing import Any

from partita.core.states import Kind, Need
from partita.errors import DefinitionError, Problem, RefError, Skip
from partita.flow.arguments import ValueWriter, needs_values, with_lists
from partita.flow.calls import guarded, write_call, write_wait
from partita.flow.definition import Definition
from partita.flow.edges import EdgeCheck, check_edge, item_type
from partita.flow.environments import Environment, EnvironmentReader
from partita.flow.frames import Row, frames_of
from partita.flow.mapped import Mapped
from partita.flow.mapping import lay_out_map
from partita.flow.places import OWN_FOLDER, Places
from partita.flow.profiles import Encode, ProfileBook
from partita.flow.ref import RefParts, StepRef, make_ref
from partita.flow.settle import Outcome, outcome_of
from partita.flow.signature import MISSING
from partita.flow.types import list_of
from partita.protocol.waits import WaitSpec
from partita.values import PLAIN, Node, Path, pack

__all__ = ["Layout"]


class Layout:
    """The steps that a flow's body adds, and what was found wrong with them.

    It is the `Caller` while the body runs. Local numbers count the steps from 0.
    """

    def __init__(
        self,
        encode: Encode,
        fingerprint: Callable[[Any], str] | None = None,
        *,
        project: FolderPath | None = None,
        executor: str = "",
        environment: str = "",
        code_of: Callable[[Iterable[Any]], str] = lambda items: "",
    ) -> None:
        """
        Args:
            encode: makes the node of a constant.
            fingerprint: hash of the code that a function reaches.
            project: the folder that places are relative to; default: the working directory.
            executor: where steps run that do not say.
            environment: text of the environment of tasks that do not say; empty: the project's own Python.
            code_of: hash of the code of those of the classes and functions that are the project's; empty: none is.
        """
        self.rows: list[Row] = []
        self.problems: list[Problem] = []
        self._noted: set[tuple[str, str]] = set()
        self.value: Node = [PLAIN, None]
        self._encode = encode
        self.code_of = code_of
        self._book = ProfileBook(encode, fingerprint)
        self.profiles = self._book.profiles
        here = FolderPath(os.getcwd())
        project = project if project is not None else here
        self._places = Places(project)
        self._executor = executor
        self._environment = self._said_environment = environment
        self._environments = EnvironmentReader([project, here], self.problem)
        self._parent = -1
        self._names: dict[str, int] = {}
        self._known: dict[int, tuple[Any, Node]] = {}
        self._outcomes: dict[tuple[int, Path], StepRef[Any]] = {}
        self._gathered: list[Mapped[Any]] = []  # whose elements a step gathers
        self.abandoned: list[Problem] = []
        self._thread = get_ident()
        self.is_open = True

    @property
    def warnings(self) -> list[Problem]:
        """What does not refuse the flow but should be seen."""
        return [problem for problem in self.problems if problem.is_warning]

    @property
    def errors(self) -> list[Problem]:
        """What refuses the flow."""
        return [problem for problem in self.problems if not problem.is_warning]

    def targets(self) -> list[Definition[..., Any]]:
        """What each profile was made from."""
        return self._book.targets

    def frames(self) -> Iterator[tuple[list[dict[str, Any]], list[Row]]]:
        """The steps in frames: the profiles that are new in it, and the rows, as `protocol.messages` describes."""
        return frames_of(self.profiles, self.rows)

    # What the worker says before the body runs

    def outer_ref(self, step: int, path: Path | list[str | int] = ()) -> StepRef[Any]:
        """The ref of a step outside this layout, by its global id: for REF nodes in the arguments."""
        return make_ref(RefParts(self, -(step + 1), tuple(path), MISSING))

    def remember(self, value: Any, node: Node) -> None:
        """Say which node an object came in as, so that it keeps its artifact when it is passed on.

        Objects that a body may well change (lists, dicts, sets, arrays) are written anew instead.
        """
        if not isinstance(value, (type(None), bool, int, float, str, list, dict, set, bytearray)) and not hasattr(
            value, "__array__"
        ):
            self._known[id(value)] = (value, node)

    # The Caller

    def call(
        self, target: Definition[..., Any], args: tuple[Any, ...], keywords: Mapping[str, Any], frame: FrameType
    ) -> Any:
        """Add a step for the call; gives the ref of its value."""
        place = self.place(frame, target.name)
        return self.add_call(target, args, keywords, place, target.name)

    def map(
        self,
        target: Definition[..., Any],
        args: tuple[Any, ...],
        keywords: Mapping[str, Any],
        key: Any,
        policy: tuple[Any, ...] | None,
        frame: FrameType,
    ) -> Any:
        """Add a step for each element, or the one step that will."""
        return lay_out_map(self, target, args, keywords, key, policy, self.place(frame, target.name))

    def settle(self, value: Any, frame: FrameType) -> Any:
        """Add the step whose value is the outcome of the ref's step."""
        place = self.place(frame, "settle")
        if type(value) is Mapped:
            value = self.whole(value)
        if type(value) is not StepRef:
            return Outcome(True, value)
        return self.add_settle(self.parts_here(value), place)

    def wait(self, spec: WaitSpec, show: Any, after: tuple[Any, ...], type_: Any, name: str, frame: FrameType) -> Any:
        """Add the step that waits; gives the ref of what it waits for."""
        return self.add_wait(spec, show, after, type_, name, self.place(frame, name))

    # Adding steps

    def place(self, frame: FrameType, name: str) -> str:
        """ "file.py:12" of a call; refuses one that comes from elsewhere than the body."""
        if get_ident() != self._thread:
            raise DefinitionError(
                f"{name} was called in another thread than the flow's body; call tasks in the body itself: "
                f"their steps run in parallel without threads"
            )
        if not self.is_open:
            raise DefinitionError(f"{name} was called after the flow's body had ended; call tasks in the body itself")
        return self._places.of(frame, name)

    def add_call(
        self,
        target: Definition[..., Any],
        args: tuple[Any, ...],
        keywords: Mapping[str, Any],
        place: str,
        name: str,
        fallback_of: int | None = None,
    ) -> StepRef[Any]:
        """The ref of a new step, with its fallbacks behind it."""
        if target.bound:
            args, keywords = target.filled(args, keywords)
        kind = Kind.TASK
        if target.body == "flow":
            if fallback_of is None and not _is_deferred(target, args, keywords):
                return self._lay_out_in_place(target, args, keywords, place, name)
            kind = Kind.FLOW
        profile = self.profile_number(target, target.body)
        packed, inputs, returns = write_call(self, target, args, keywords, place)
        row = [self.unique(name), kind, profile, self._parent, packed, inputs, fallback_of, None, place]
        number = len(self.rows)  # not before: the arguments may have added the step that gathers a map
        self.rows.append(row)
        if target.options.fallback is not None:
            self._add_fallback(target, args, keywords, place, number)
        return make_ref(RefParts(self, number, (), returns))

    def _add_fallback(
        self, target: Definition[..., Any], args: tuple[Any, ...], keywords: Mapping[str, Any], place: str, number: int
    ) -> None:
        fallback = target.options.fallback
        check_edge(
            self,
            fallback.signature.returns,
            target.signature.returns,
            f"the fallback {fallback.name} of {target.name} gives {{source}}, but {target.name} gives {{target}}",
            place,
        )
        self.add_call(fallback, args, keywords, place, fallback.name, number)

    def _lay_out_in_place(
        self, flow: Definition[..., Any], args: tuple[Any, ...], keywords: Mapping[str, Any], place: str, name: str
    ) -> StepRef[Any]:
        number = len(self.rows)
        profile = self.profile_number(flow, "flow")
        self.rows.append([self.unique(name), Kind.FLOW, profile, self._parent, None, [], None, None, place])
        ref = make_ref(RefParts(self, number, (), flow.signature.returns))
        misfits = flow.signature.misfits(len(args), keywords)
        if misfits:
            for misfit in misfits:
                self.problem(misfit, place)
            return ref
        check = EdgeCheck(self, flow, place)
        for parameter, label, value in flow.signature.pairs(args, keywords):
            check.argument(parameter, label, value)
        outer = (self._parent, self._names, self._executor, self._environment)
        self._parent, self._names = number, {}
        self.adopt(flow)
        has_nothing_to_do = False
        try:
            body_args, body_keywords = with_lists(flow.signature, args, keywords)
            value = flow.function(*body_args, **body_keywords)
            self.rows[number][7] = pack(self.written_result(flow, value, place))
        except Skip:
            has_nothing_to_do = True
        except Exception as error:
            self.abandoned.append(
                Problem(
                    f"the body of {name} raised {type(error).__name__}: {error}",
                    place,
                    "let it raise: a body that ended half-way has left steps behind, which no `except` takes back",
                )
            )
            raise
        finally:
            self._parent, self._names, self._executor, self._environment = outer
        if has_nothing_to_do:
            self._defer(flow, args, keywords, place, number)
        if flow.options.fallback is not None:
            self._add_fallback(flow, args, keywords, place, number)
        return ref

    def _defer(
        self, flow: Definition[..., Any], args: tuple[Any, ...], keywords: Mapping[str, Any], place: str, number: int
    ) -> None:
        """The body found nothing to do: it becomes a step of its own that will say so, so that it is seen as skipped."""
        del self.rows[number + 1 :]
        for mapped in self._gathered:
            if mapped.whole is not None and self.parts_here(mapped.whole).step > number:
                mapped.whole = None
        self._outcomes = {key: ref for key, ref in self._outcomes.items() if self.parts_here(ref).step <= number}
        self.rows[number][4:6] = write_call(self, flow, args, keywords, place)[:2]

    def add_wait(self, spec: WaitSpec, show: Any, after: tuple[Any, ...], type_: Any, name: str, place: str) -> Any:
        """The ref of what a new step waits for."""
        packed, inputs = write_wait(self, spec, show, after, place)
        return self._add_engine_step(Kind.WAIT, name, packed, inputs, place, type_)

    def add_settle(self, parts: RefParts, place: str) -> StepRef[Any]:
        """The ref of the outcome of a step."""
        inputs = [[parts.step, list(parts.path), int(Need.FINAL)]]
        kind = outcome_of(parts.kind)
        return self._add_engine_step(Kind.SETTLE, "settle", None, inputs, place, kind)

    def whole(self, mapped: Mapped[Any]) -> StepRef[Any]:
        """The ref of a map's elements as one list; the step for it is made when it is first wanted."""
        if mapped.whole is None:
            self._must_be_mine(mapped._parts, mapped)
            need = Need.VALUE if mapped.policy is None else Need.FINAL
            sources = [self.parts_here(ref) for ref in mapped.elements or ()]
            inputs: list[Any] = [
                part.step if not part.path and need == Need.VALUE else [part.step, list(part.path), int(need)]
                for part in sources
            ]
            kind = mapped._parts.kind
            self._gathered.append(mapped)
            mapped.whole = self._add_engine_step(
                Kind.GATHER,
                f"{mapped.name}[]",
                pack(list(mapped.policy or ("all",))),
                inputs,
                mapped.place,
                list_of(kind),
            )
        return mapped.whole

    def settled(self, mapped: Mapped[Any]) -> list[StepRef[Any]]:
        """The outcome of each element of a map, made when they are first wanted."""
        if mapped.settled is None:
            mapped.settled = [self.add_settle(self.parts_here(ref), mapped.place) for ref in mapped.elements or ()]
        return mapped.settled

    def _add_engine_step(
        self, kind: Kind, name: str, arguments: bytes | None, inputs: list[Any], place: str, type_: Any
    ) -> StepRef[Any]:
        number = len(self.rows)
        self.rows.append([self.unique(name), kind, -1, self._parent, arguments, inputs, None, None, place])
        return make_ref(RefParts(self, number, (), type_))

    def add_row(self, name: str, profile: int, arguments: bytes, inputs: list[Any], place: str) -> int:
        """Add a flow step whose layout comes later; gives its local number."""
        self.rows.append([self.unique(name), Kind.FLOW, profile, self._parent, arguments, inputs, None, None, place])
        return len(self.rows) - 1

    def unique(self, name: str) -> str:
        """The name, or "name#2" and so on where it is taken below the same parent."""
        names = self._names
        count = names.get(name)
        if count is None:
            names[name] = 1
            return name
        while True:
            count += 1
            candidate = f"{name}#{count}"
            if candidate not in names:
                break
        names[name] = count
        names[candidate] = 1
        return candidate

    def profile_number(self, target: Definition[..., Any], body: str) -> int:
        """The number of the target's profile in this layout; equal ones are one."""
        environment = self._environment_of(target) if body != "check" else ""
        return self._book.number(target, body, self._executor, environment)

    def _environment_of(self, target: Definition[..., Any]) -> str:
        given = target.options.environment
        if given is None:
            return self._environment
        return self._environments.text(given, self._environment, target.name, target.place)

    # What writers, checks and refs ask

    def encode_constant(self, value: Any, declared: Any) -> Node:
        """The node of a value without refs."""
        known = self._known.get(id(value))
        return known[1] if known is not None else self._encode(value, declared)

    def is_known(self, value: Any) -> bool:
        """Whether the object came in with a node of its own."""
        return bool(self._known) and id(value) in self._known

    def parts_here(self, ref: StepRef[Any]) -> RefParts:
        """The parts of a ref of this layout.

        Raises:
            RefError: it belongs to another one, or that flow has ended.
        """
        parts = ref._parts
        self._must_be_mine(parts, ref)
        return parts

    def _must_be_mine(self, parts: RefParts, promise: Any) -> None:
        if parts.owner is not self:
            raise RefError(
                f"{promise!r} belongs to another layout, where it was kept (in a global, or a default); "
                f"a promise is good only in the flow's body that made it: pass it as an argument, or return it"
            )

    def describe(self, step: int) -> tuple[str, str]:
        """The step's path for people, and the place of its call."""
        if step < 0:
            return f"{-step - 1} (of the flow around this one)", ""
        if step >= len(self.rows):
            return "?", ""
        names, current = [], step
        while current >= 0:
            names.append(self.rows[current][0])
            current = self.rows[current][3]
        return "/".join(reversed(names)), self.rows[step][8]

    def item_type(self, kind: Any, key: str | int, step: int) -> Any:
        """The declared type of `value[key]`."""
        return item_type(self, kind, key, step)

    def problem(self, message: str, place: str, remedy: str = "", is_warning: bool = False) -> None:
        """Note what is wrong; the body goes on, so that everything is found at once."""
        # In a loop one line makes thousands of edges, which differ by the names of their steps only.
        key = (place, message.partition(", and step ")[0])
        if key not in self._noted:
            self._noted.add(key)
            self.problems.append(Problem(message, place, remedy, is_warning))

    def written_result(self, flow: Definition[..., Any], value: Any, place: str) -> Node:
        """The node of what a flow's body returned."""
        declared = flow.signature.returns
        EdgeCheck(self, flow, place).result(value)
        return guarded(self, ValueWriter(self), value, declared, False, f"the result of {flow.name}", place)

    def written_map(self, mapped: Mapped[Any]) -> Node:
        """The node of a map that was expanded."""
        return ValueWriter(self).write(mapped)

    def ref(self, step: int, kind: Any) -> StepRef[Any]:
        """The ref of a step of this layout."""
        return make_ref(RefParts(self, step, (), kind))

    def is_flow_step(self, ref: StepRef[Any]) -> bool:
        """Whether the ref stands for what a flow (or a map that is laid out later) gives."""
        step = ref._parts.step
        return 0 <= step < len(self.rows) and self.rows[step][1] == Kind.FLOW

    def close(self) -> None:
        """The body has ended: from now on its refs and its context are of no use."""
        self.is_open = False
        self.problems.extend(self.abandoned)

    def adopt(self, flow: Definition[..., Any]) -> None:
        """Where, and in which environment, the flow's steps run that do not say, if the flow says."""
        self._executor = flow.options.executor or self._executor
        self._environment = self._environment_of(flow)

    def adopt_root(self, flow: Definition[..., Any]) -> None:
        """The same for the flow that is laid out, whose call may have said something else than its definition does."""
        said = self._executor
        self.adopt(flow)
        self._executor = said or self._executor
        self._environment = self._said_environment or self._environment

    def adopt_environment(self, environment: Environment | bool | None, owner: str) -> None:
        """The environment of tasks for which nobody else says any; `owner` is who gives it."""
        self._environment = self._environments.text(environment, self._environment, owner, "")

    def place_in_project(self, file: str, line: int) -> str:
        """ "file.py:12", relative to the project."""
        return self._places.in_project(file, line)

    def place_of(self, error: BaseException) -> str:
        """The innermost line of the user's code that the error came through."""
        found, trace = "", error.__traceback__
        while trace is not None:
            file = trace.tb_frame.f_code.co_filename
            if not file.startswith(OWN_FOLDER):
                found = self._places.in_project(file, trace.tb_lineno)
            trace = trace.tb_next
        return found


def _is_deferred(target: Definition[..., Any], args: tuple[Any, ...], keywords: Mapping[str, Any]) -> bool:
    pairs = target.signature.pairs(args, keywords)
    return bool(target.prerequisites) or any(needs_values(value, parameter.holding) for parameter, _, value in pairs)
