"""Making the steps of a YAML flow: the same calls that a flow's body in Python makes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any, get_origin

from partita.errors import CheckError, DefinitionError, OptionError, Problem, Skip
from partita.flow.ambient import current_caller
from partita.flow.definition import Definition
from partita.flow.eager import EAGER, Absent
from partita.flow.layout import Layout
from partita.flow.mapped import Each as EachElement
from partita.flow.mapped import Mapped, constant
from partita.flow.mapping import is_sequence, lay_out_map
from partita.flow.ref import StepRef
from partita.flow.settle import Outcome
from partita.flow.task import map_policy
from partita.flow.types import plain_form, type_name
from partita.flow.yaml.computation import identity
from partita.flow.yaml.expressions import Expression
from partita.flow.yaml.naming import ElementKey
from partita.flow.yaml.records import WAITS, Each, Step, expressions_in
from partita.flow.yaml.scope import NOTHING, Scope, is_promise, refuse
from partita.flow.yaml.shapes import shaped
from partita.flow.yaml.targets import command_arguments
from partita.flow.yaml.waiting import make_wait

if TYPE_CHECKING:
    from partita.flow.yaml.files import FlowFile

__all__ = ["Lowering"]


class Lowering:
    """Lays out steps of one file for whoever takes the calls: a layout, or a plain call of the flow."""

    def __init__(self, file: FlowFile) -> None:
        self._file = file
        self._caller = current_caller(file.document.name) or EAGER
        self.line = file.root  # what is being laid out

    def scope(self, inputs: dict[str, Any], results: dict[str, Any]) -> Scope:
        """What expressions stand for."""
        return Scope(self._file.shown, inputs, results, self._settle, self._compute)

    def flow(self, inputs: dict[str, Any]) -> Any:
        """Lay out every step; gives the flow's value."""
        results: dict[str, Any] = {}
        scope = self.scope(inputs, results)
        for step in self._file.document.steps.values():
            results[step.name] = self.step(step, scope)
        outputs = self._file.document.outputs
        if outputs is None:
            return None
        self.line = outputs.node
        return scope.value(outputs.tree, "@outputs")

    def step(self, step: Step, scope: Scope) -> Any:
        """Lay out one step; gives its promise."""
        self.line = step.node
        before = tuple(scope.results[name] for name, _ in step.needs)
        if step.when is not None:
            uses_item = any(expression.uses_item for expression in expressions_in(step.when.tree))
            if uses_item:
                return self._each_element(step, scope, before)
            if not (scope.is_known(step.when.tree) and is_met(step, scope)):
                # Also what is known to be false becomes a step, so that people see it skipped.
                return self._call(self._file.part(f"{step.name}.when"), self._bound(step, scope), before)
        return self.body(step, scope, before)

    def body(self, step: Step, scope: Scope, before: tuple[Any, ...] = ()) -> Any:
        """Lay out what the step does, its condition aside."""
        self.line = step.node
        if step.each is not None and scope.item is NOTHING:
            return self._map(step, step.each, scope, before)
        if step.verb in WAITS:
            return self._wait(step, scope, before)
        return self._call(self._file.target(step), self._arguments(step, scope), before)

    def _wait(self, step: Step, scope: Scope, before: tuple[Any, ...]) -> Any:
        arguments = scope.value(step.target.tree, f"{step.name}.{step.verb}")
        try:
            return make_wait(step, arguments, before, self._caller, self._place, self._file.path, self._file.problems)
        except (OptionError, DefinitionError) as error:
            if not isinstance(self._caller, Layout):
                raise refuse(self._file.shown, step.target.node, str(error)) from None
            self._caller.problem(str(error), self._file.problems.place(step.target.node))
            # What is wrong with other steps is told too: they need something to stand for this one.
            return self._caller.add_wait(
                {"kind": "sleep", "name": "", "seconds": 0}, None, (), Any, step.name, self._place
            )

    def _arguments(self, step: Step, scope: Scope) -> dict[str, Any]:
        if step.verb == "run":
            named = command_arguments(step).items()
            return {label: scope.value(tree, f"{step.name}.run.{label}") for label, tree in named}
        target = self._file.target(step)
        found = {}
        for label, argument in step.arguments.items():
            value = scope.value(argument.tree, f"{step.name}.with.{label}")
            found[label] = self._shaped(target, step, label, value)
        return found

    def _shaped(self, target: Definition[..., Any], step: Step, label: str, value: Any) -> Any:
        parameter = target.signature.by_name.get(label)
        if parameter is None:
            return value
        try:
            return shaped(value, parameter.annotation)
        except ValueError as error:
            where = step.arguments[label].node
            raise refuse(self._file.shown, where, f"{step.name}'s {label}: {error}") from None

    # foreach

    def _map(self, step: Step, each: Each, scope: Scope, before: tuple[Any, ...]) -> Any:
        items = scope.value(each.items.tree, f"{step.name}.foreach")
        if type(items) is Mapped and items.elements is not None and items.policy is None and not _is_plain(step):
            items = list(items.elements)
        is_list = isinstance(items, (list, tuple))
        if not is_list:
            self._must_be_a_list(items, each)
        if step.verb in WAITS or not _uses_item(step) or not (is_list or _is_plain(step)):
            return self._each_element(step, scope, before, items)
        target = self._file.target(step)
        arguments = self._columns(step, target, scope, items, is_list)
        return self._call_map(target, arguments, before, each, self._key(step, each, items, scope))

    def _must_be_a_list(self, items: Any, each: Each) -> None:
        if type(items) in (Mapped, Absent) or (type(items) is StepRef and is_sequence(items._parts.kind)):
            return
        kind = items._parts.kind if type(items) is StepRef else type(items)
        tree, remedy = each.items.tree, ""
        if isinstance(tree, Expression) and tree.alone is not None and (get_origin(plain_form(kind)) or kind) is dict:
            remedy = f"write `${{{{ {tree.text}.map(key, key) }}}}` for its keys"
        shown = tree.text if isinstance(tree, Expression) else tree
        told = f"`foreach` goes through a list, and `{shown}` is of type {type_name(kind)}"
        raise refuse(self._file.shown, each.items.node, told, remedy)

    def _columns(
        self, step: Step, target: Definition[..., Any], scope: Scope, items: Any, is_list: bool
    ) -> dict[str, Any]:
        """The arguments of a map: what depends on the element as one list each, the rest as a constant."""
        named = command_arguments(step) if step.verb == "run" else {n: a.tree for n, a in step.arguments.items()}
        part = "run" if step.verb == "run" else "with"
        found: dict[str, Any] = {}
        for label, tree in named.items():
            path = f"{step.name}.{part}.{label}"
            if not any(expression.uses_item for expression in expressions_in(tree)):
                value = scope.value(tree, path)
                value = self._shaped(target, step, label, value) if part == "with" else value
                found[label] = constant(value) if isinstance(value, (list, tuple)) or is_promise(value) else value
            elif is_list:
                column = [scope.with_item(item).value(tree, path) for item in items]
                found[label] = EachElement(
                    [self._shaped(target, step, label, x) for x in column] if part == "with" else column
                )
            else:
                found[label] = items if type(items) is Absent else EachElement(items)
        return found

    def _each_element(self, step: Step, scope: Scope, before: tuple[Any, ...], items: Any = NOTHING) -> Any:
        """Make each element a flow that is laid out when the element is known."""
        each = step.each
        assert each is not None
        if items is NOTHING:
            items = scope.value(each.items.tree, f"{step.name}.foreach")
        bound = {
            label: constant(value) if isinstance(value, (list, tuple)) or is_promise(value) else value
            for label, value in self._bound(step, scope).items()
        }
        part = self._file.part(f"{step.name}.each")
        return self._call_map(
            part,
            {"item": items if type(items) is Absent else EachElement(items), **bound},
            before,
            each,
            self._key(step, each, items, scope),
        )

    def _key(self, step: Step, each: Each, items: Any, scope: Scope) -> Any:
        if each.key is None:
            return None
        if isinstance(each.key.tree, list):
            return scope.value(each.key.tree, f"{step.name}.key")
        values = {
            identity(reference): scope.reference(reference, expression)
            for expression in expressions_in(each.key.tree)
            for reference in expression.references
            if reference.root != "item"
        }
        if any(map(is_promise, values.values())):
            told = "the keys of elements are needed before steps have run, and cannot use what these give"
            raise refuse(self._file.shown, each.key.node, told, "make them from `item` and inputs")
        key = ElementKey(self._file.shown, each.key.tree, values)
        if isinstance(items, (list, tuple)):
            return [key(item) for item in items]
        return key

    # Calls

    def bound_parts(self, step: Step) -> Iterator[tuple[Any, ...]]:
        """(parameter, reference, expression, whether its value is needed) of what a step's own flow is given."""
        yield from self._file.bound_parts(step)

    def _bound(self, step: Step, scope: Scope) -> dict[str, Any]:
        return {
            name: scope.reference(reference, expression) for name, reference, expression, _ in self.bound_parts(step)
        }

    def _call(self, target: Definition[..., Any], arguments: dict[str, Any], before: tuple[Any, ...]) -> Any:
        target = target.after(*before) if before else target
        if isinstance(self._caller, Layout):
            known = len(self._caller.problems)
            made = self._caller.add_call(target, (), arguments, self._place, target.name)
            self._point_at_arguments(self._caller.problems, known, target.name)
            return made
        return self._caller.call(target, (), arguments, None)  # type: ignore[arg-type]

    def _call_map(
        self, target: Definition[..., Any], arguments: dict[str, Any], before: tuple[Any, ...], each: Each, key: Any
    ) -> Any:
        target = target.after(*before) if before else target
        policy = map_policy(target.name, each.at_least, each.settle)
        if isinstance(self._caller, Layout):
            known = len(self._caller.problems)
            made = lay_out_map(self._caller, target, (), arguments, key, policy, self._place)
            self._point_at_arguments(self._caller.problems, known, target.name)
            return made
        try:
            return self._caller.map(target, (), arguments, key, policy, None)  # type: ignore[arg-type]
        except CheckError as error:
            raise CheckError(
                [replace(problem, place=problem.place or self._place) for problem in error.problems]
            ) from None

    def _point_at_arguments(self, problems: list[Problem], known: int, name: str) -> None:
        """Give new problems with an argument of the step the place of that argument."""
        step = self._file.document.steps.get(name)
        for index in range(known, len(problems) if step is not None else 0):
            problem = problems[index]
            for label, argument in step.arguments.items() if step is not None else ():
                if problem.place == self._place and problem.message.startswith(f"{name}'s {label} "):
                    problems[index] = replace(problem, place=self._file.problems.place(argument.node))

    def _compute(self, path: str, values: dict[str, Any]) -> Any:
        return self._call(self._file.part(path), values, ())

    def _settle(self, value: Any) -> Any:
        layout = self._caller
        if not isinstance(layout, Layout):
            return layout.settle(value, None)  # type: ignore[arg-type]
        if type(value) is Mapped:
            value = layout.whole(value)
        if type(value) is not StepRef:
            return Outcome(True, value)
        return layout.add_settle(layout.parts_here(value), self._place)

    @property
    def _place(self) -> str:
        return f"{self._file.shown}:{self.line.line}:{self.line.column}"


def is_met(step: Step, scope: Scope) -> bool:
    """Whether the step's condition, which is known, is true.

    Raises:
        CheckError: it is neither true nor false.
    """
    assert step.when is not None
    value = scope.value(step.when.tree, f"{step.name}.when")
    if isinstance(value, bool):
        return value
    told = f"`when` is true or false, and {step.when.tree!r} gives {value!r}"
    raise refuse(scope.file, step.when.node, told, "compare it with something: `when: ${{ inputs.count > 0 }}`")


def skip_unless_met(step: Step, scope: Scope) -> None:
    """
    Raises:
        Skip: the step's condition is false.
    """
    if step.when is not None and not is_met(step, scope):
        raise Skip(f"{step.when.tree!r} is false")


def _trees(step: Step) -> list[Any]:
    return [step.target.tree] if step.verb == "run" else [argument.tree for argument in step.arguments.values()]


def _uses_item(step: Step) -> bool:
    return any(expression.uses_item for tree in _trees(step) for expression in expressions_in(tree))


def _is_plain(step: Step) -> bool:
    """Whether the element is only passed on whole, so that nobody needs to know it."""
    for tree in command_arguments(step).values() if step.verb == "run" else _trees(step):
        for expression in expressions_in(tree):
            alone = expression.alone
            if expression.uses_item and not (tree is expression and alone is not None and not alone.path):
                return False
    return True
