"""The functions of YAML flows: objects with a signature of their own, found again by their file."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from partita.flow.definition import Definition
from partita.flow.ref import StepRef
from partita.flow.types import list_of
from partita.flow.yaml.computation import identity
from partita.flow.yaml.lowering import Lowering, skip_unless_met
from partita.flow.yaml.records import CALLS, Step, expressions_in
from partita.flow.yaml.scope import refuse

if TYPE_CHECKING:
    from partita.flow.yaml.files import FlowFile

__all__ = ["FlowBody", "StepFlow"]

_KIND = inspect.Parameter.KEYWORD_ONLY


class _Body:
    """What the functions have in common."""

    def __init__(self, file: FlowFile, qualified_name: str, name: str) -> None:
        self.file = file
        self.source_file = file.path
        self.__name__ = name
        self.__qualname__ = qualified_name
        self.__module__ = __name__

    def _sign(self, parameters: list[inspect.Parameter], returns: Any) -> None:
        self.__signature__ = inspect.Signature(parameters, return_annotation=returns)
        self.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters} | {"return": returns}

    def fingerprint(self) -> str:
        """Hash of the file and of what it calls."""
        return self.file.fingerprint()

    def __reduce__(self) -> tuple[Any, ...]:
        from partita.flow.yaml.loading import load_function

        return (load_function, (str(self.source_file), self.__qualname__))


class FlowBody(_Body):
    """The body of a whole file."""

    def __init__(self, file: FlowFile) -> None:
        super().__init__(file, file.path.stem, file.document.name)
        self.__doc__ = file.document.description or None
        outputs = file.document.outputs
        is_named = outputs is not None and isinstance(outputs.tree, dict)
        self._sign(file.parameters, dict[str, Any] if is_named else (None if outputs is None else Any))

    @property
    def place(self) -> str:
        """Where it stands, for messages."""
        return f"{self.file.shown}:1"

    @property
    def called(self) -> list[Definition[..., Any]]:
        """The tasks and flows that it calls."""
        return self.file.called()

    def __call__(self, *args: Any, **inputs: Any) -> Any:
        bound = self.__signature__.bind(*args, **inputs)
        bound.apply_defaults()
        lowering = Lowering(self.file.resolve())
        try:
            return lowering.flow(dict(bound.arguments))
        except RecursionError:
            told = f"{self.file.shown} calls itself without an end"
            raise refuse(
                self.file.shown, lowering.line, told, "give the step that does so a condition (`when:`)"
            ) from None


class StepFlow(_Body):
    """The flow of one step that has a condition, or whose elements must be known before its calls can be made."""

    def __init__(self, file: FlowFile, step: Step, kind: str) -> None:
        super().__init__(file, f"{step.name}.{kind}", step.name)
        self._step = step
        self._is_element = kind == "each"
        self._parts = list(file.bound_parts(step))
        self.__doc__ = f"Decide on the step {step.name}."
        parameters = [
            inspect.Parameter(name, _KIND, annotation=self._annotation(expression, reference.root, is_needed))
            for name, reference, expression, is_needed in self._parts
        ]
        if self._is_element:
            parameters.insert(0, inspect.Parameter("item", _KIND, annotation=self._item_kind()))
        returns = file.returns(step)
        if step.each is not None and not self._is_element:
            returns = Any if step.each.settle else list_of(returns)
        self._sign(parameters, returns)

    def _annotation(self, expression: Any, root: str, is_needed: bool) -> Any:
        if is_needed or root == "inputs":
            return Any
        return self.file.bound_kind(self._step, expression)

    def _item_kind(self) -> Any:
        """Whether the element itself must be known, or is only passed on."""
        step = self._step
        trees = [argument.tree for argument in step.arguments.values()]
        trees += [] if step.verb in CALLS else [step.target.tree]
        trees += [step.when.tree] if step.when is not None else []
        for tree in trees:
            if any(e.uses_item and not (e.alone and not e.alone.path) for e in expressions_in(tree)):
                return Any
        return StepRef[Any]

    def __call__(self, **values: Any) -> Any:
        lowering = Lowering(self.file)
        scope = lowering.scope({}, {})
        if self._is_element:
            scope = scope.with_item(values["item"])
        needed = {identity(r): values[name] for name, r, _, is_needed in self._parts if is_needed}
        held = {identity(r): values[name] for name, r, _, is_needed in self._parts if not is_needed}
        skip_unless_met(self._step, scope.binding({**held, **needed}))
        return lowering.body(self._step, scope.binding({**needed, **held}))
