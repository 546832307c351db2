"""One file with a flow: what it says, the tasks that it calls, and the parts that workers ask for by name."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from functools import cached_property
from hashlib import blake2b
from pathlib import Path
from typing import Any, Literal

from partita.errors import CheckError, LoadError, OptionError
from partita.flow.definition import Definition
from partita.flow.flow import Flow
from partita.flow.loading import project_folder
from partita.flow.options import FLOW_OPTIONS, TASK_OPTIONS, make_options
from partita.flow.ref import StepRef
from partita.flow.signature import MISSING
from partita.flow.task import Task
from partita.flow.yaml.computation import TIMEOUT_S, Computation
from partita.flow.yaml.expressions import Expression, Template
from partita.flow.yaml.kinds import KINDS, KindError, read_kind
from partita.flow.yaml.problems import Problems, near
from partita.flow.yaml.reading import read_document
from partita.flow.yaml.records import WAITS, Document, Input, Step
from partita.flow.yaml.references import Reference
from partita.flow.yaml.shapes import shaped
from partita.flow.yaml.source import Node, read_source
from partita.flow.yaml.targets import command_arguments, load_named, read_options, target_of
from partita.flow.yaml.waiting import check_wait, wait_returns

__all__ = ["FlowFile"]


class FlowFile:
    """A file that has been read."""

    def __init__(self, path: Path) -> None:
        """
        Raises:
            LoadError: it cannot be read.
        """
        self.path = path
        project = project_folder()
        self.shown = path.relative_to(project).as_posix() if path.is_relative_to(project) else path.name
        try:
            self.text = path.read_text(encoding="utf-8")
        except OSError as error:
            raise LoadError(f"{path} cannot be read: {error.strerror}; name a YAML file with a flow") from None
        except UnicodeDecodeError:
            raise LoadError(f"{path} is not UTF-8; save it as UTF-8") from None
        self.problems = Problems(self.shown)
        root = read_source(self.text, self.problems)
        self.root = root if root is not None else Node({}, 1, 1)
        is_read = root is not None or not self.problems  # nothing but comments is a flow that lacks its steps
        empty = Document(path.stem, {}, {}, None, {})
        self.document = read_document(self.root, path.stem, self.problems) if is_read else empty
        self._targets: dict[str, Definition[..., Any] | None] = {}
        self._parts: dict[str, Definition[..., Any]] = {}
        self._is_resolved = False
        self._is_resolving = False

    @cached_property
    def flow(self) -> Flow[..., Any]:
        """The flow itself."""
        from partita.flow.yaml.bodies import FlowBody

        options = read_options(self.document.options, self.path, self.problems)
        body = FlowBody(self)
        try:
            return Flow(body, make_options({**options, "name": self.document.name}, self.document.name, FLOW_OPTIONS))
        except OptionError as error:
            told = str(error).partition(": ")[2]
            name = told.partition("=")[0]
            self.problems.add(self.document.options.get(name, self.root), told)
            return Flow(body, make_options({}, self.document.name, FLOW_OPTIONS))

    def resolve(self) -> FlowFile:
        """Load everything that the file names.

        Raises:
            CheckError: with everything that is wrong in it.
        """
        if self._is_resolving:  # a flow may call itself, and the modules of its tasks may load it
            return self
        if not self._is_resolved:
            self._is_resolved = self._is_resolving = True
            try:
                self._find_all()
            finally:
                self._is_resolving = False
        self.problems.raise_if_any()
        return self

    def _find_all(self) -> None:
        assert self.flow is not None
        for step in self.document.steps.values():
            if step.verb in WAITS:
                check_wait(step, self.path, self.problems)
            else:
                self._target(step)

    def target(self, step: Step) -> Definition[..., Any]:
        """What a step calls.

        Raises:
            CheckError: something is wrong with it.
        """
        found = self._target(step)
        if found is None:
            self.problems.raise_if_any()
            raise CheckError(self.problems.all)
        return found

    def _target(self, step: Step) -> Definition[..., Any] | None:
        if step.name not in self._targets:
            self._targets[step.name] = target_of(step, self.path, self.problems)
        return self._targets[step.name]

    def returns(self, step: Step) -> Any:
        """The declared type of what a step gives, for each element of it."""
        return wait_returns(step) if step.verb in WAITS else self.target(step).signature.returns

    @cached_property
    def parameters(self) -> list[inspect.Parameter]:
        """The inputs, those without a default first."""
        found = [self._parameter(given) for given in self.document.inputs.values()]
        return sorted(found, key=lambda parameter: parameter.default is not MISSING)

    def _parameter(self, given: Input) -> inspect.Parameter:
        kind = self._kind(given)
        default: Any = MISSING
        if given.default is not None:
            try:
                default = shaped(given.default.plain(), kind)
            except ValueError as error:
                told = f"the default of {given.name} is not of its type: {error}"
                self.problems.add(given.default, told)
        return inspect.Parameter(given.name, inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=kind, default=default)

    def _kind(self, given: Input) -> Any:
        if given.choices is not None:
            values = given.choices.plain()
            if isinstance(values, list) and values and all(isinstance(value, (str, int, bool)) for value in values):
                return Literal[tuple(values)]
            self.problems.add(given.choices, "choices is a list of texts or numbers")
        if given.kind is None:
            known = None if given.default is None else type(given.default.plain())
            return known if known in (bool, int, float, str, list, dict) else Any
        text = given.kind.value if given.kind.value is not None else "null"
        if not isinstance(text, str):
            self.problems.add(
                given.kind, f"a type is a text, and here stands {given.kind.kind}", "write `type: list[int]`"
            )
            return Any
        try:
            return read_kind(text, lambda reference: self._class(reference, given))
        except KindError as error:
            if str(error):
                remedy = (
                    near(error.name, KINDS, "types")
                    if error.name
                    else "write one such as `list[int]` or `module:Class`"
                )
                self.problems.add(given.kind, str(error), remedy)
            return Any

    def _class(self, reference: str, given: Input) -> Any:
        assert given.kind is not None
        found = load_named(reference, given.kind, self.path, self.problems)
        if found is None:
            raise KindError("")
        return found

    # Parts

    def part(self, name: str) -> Definition[..., Any]:
        """What a worker asks for by name: the flow, a command, a computation, or the flow of one step.

        Raises:
            LoadError: there is none of that name.
        """
        if name == self.path.stem:
            return self.flow
        if name not in self._parts:
            try:
                self._parts[name] = self._make_part(name)
            except (KeyError, IndexError, ValueError):
                told = f"{self.shown} has no {name!r}; was it changed since the run was started?"
                raise LoadError(told) from None
        return self._parts[name]

    def _make_part(self, name: str) -> Definition[..., Any]:
        from partita.flow.yaml.bodies import StepFlow

        first, _, rest = name.partition(".")
        if first == "@outputs":
            assert self.document.outputs is not None
            return self._computation(name, self.document.outputs.tree, rest)
        step = self.document.steps[first]
        kind, _, rest = rest.partition(".")
        if kind in ("run", "container") and not rest:
            return self.target(step)
        if kind in ("when", "each") and not rest:
            body = StepFlow(self, step, kind)
            return Flow(body, make_options({"name": step.name}, step.name, FLOW_OPTIONS))
        if kind == "run":
            return self._computation(name, command_arguments(step)[rest], "")
        if kind == "with":
            label, _, rest = rest.partition(".")
            return self._computation(name, step.arguments[label].tree, rest)
        if kind in WAITS:
            return self._computation(name, step.target.tree, rest)
        if kind == "foreach" and step.each is not None:
            return self._computation(name, step.each.items.tree, rest)
        raise KeyError(name)

    def _computation(self, name: str, tree: Any, path: str) -> Task[..., Any]:
        for key in path.split(".") if path else ():
            tree = tree[int(key)] if isinstance(tree, list) else tree[key]
        if not isinstance(tree, (Expression, Template)):
            raise KeyError(name)
        shown = name.removeprefix("@").replace("/", "_").replace(".with.", ".")
        options = make_options({"name": shown, "timeout": TIMEOUT_S}, shown, TASK_OPTIONS)
        return Task(Computation(tree, name, self.path), options)

    def bound_parts(self, step: Step) -> Iterator[tuple[str, Reference, Expression, bool]]:
        """(parameter, reference, expression, whether its value is needed) of what the flow of one step is given."""
        number = 0
        seen: set[tuple[Any, ...]] = set()
        for expression, part in step.expressions():
            for reference in expression.references:
                is_needed = part == "when"
                key = (reference.root, reference.name, reference.part, reference.path, is_needed)
                if reference.root == "item" or part == "key" or key in seen:
                    continue
                seen.add(key)
                number += 1
                yield f"v{number}", reference, expression, is_needed

    def bound_kind(self, step: Step, expression: Expression) -> Any:
        """The type of an argument that is passed on as it is."""
        for label, argument in step.arguments.items():
            if argument.tree is expression and step.each is None:
                parameter = self.target(step).signature.by_name.get(label)
                if parameter is not None and parameter.annotation is not MISSING and parameter.holding is False:
                    kind: Any = parameter.annotation
                    return StepRef[kind]
        return StepRef[Any]

    def called(self) -> list[Definition[..., Any]]:
        """The tasks and flows that were found."""
        return [target for target in self._targets.values() if target is not None]

    def fingerprint(self) -> str:
        """Hash of the file, and of the files that it calls."""
        digest = blake2b(self.text.encode(), digest_size=32)
        for step in self.document.steps.values():
            function: Any = getattr(self._targets.get(step.name), "function", None)
            if getattr(function, "source_file", self.path) != self.path:
                digest.update(function.fingerprint().encode())
        return digest.hexdigest()
