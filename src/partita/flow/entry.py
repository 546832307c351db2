"""Laying out: running a flow's body, or expanding a map, and giving its steps or everything that is wrong."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from partita.errors import CheckError, DefinitionError, Problem, RefError
from partita.flow.ambient import calling
from partita.flow.checks import flow_warnings
from partita.flow.definition import Definition
from partita.flow.flow import Flow
from partita.flow.inputs import convert_inputs
from partita.flow.layout import Layout
from partita.flow.mapping import expand
from partita.flow.options import FLOW_OPTIONS, make_options
from partita.flow.outer import retype_inputs
from partita.flow.profiles import Encode

__all__ = ["lay_out"]


def lay_out(
    target: Any,
    args: tuple[Any, ...] | list[Any] = (),
    keywords: Mapping[str, Any] | None = None,
    *,
    encode: Encode | None = None,
    fingerprint: Callable[[Any], str] | None = None,
    texts: Mapping[str, str] | None = None,
    layout: Layout | None = None,
    project: Path | None = None,
    executor: str = "",
    is_root: bool = True,
) -> Layout:
    """Run the body of a flow, or expand a map, and give its layout.

    Args:
        target: the flow; for the body "map", the task or flow that is mapped (its arguments hold the mapping).
        args: the opened arguments; refs among them come from `layout.outer_ref`.
        keywords: likewise.
        encode: makes the node of a constant.
        fingerprint: hash of the code that a function reaches.
        texts: arguments as text from the command line, converted by the flow's signature.
        layout: the layout to use, made before for its `outer_ref` and `remember`; then encode, fingerprint, project
            and executor are its own.
        project: the folder that places are relative to.
        executor: where steps run that do not say, as the call of the flow says; empty: as the flow itself does.
        is_root: the flow that was launched: the bodies of all flows that it reaches are read for warnings.

    Raises:
        CheckError: with every problem that was found. What the body itself raises passes through.
    """
    if layout is None:
        if encode is None:
            raise TypeError("lay_out needs an encoder, or a layout that has one")
        layout = Layout(encode, fingerprint, project=project, executor=executor)
    given = dict(keywords or {})
    mapping = given.pop("__mapping__", None)
    given.pop("__check__", None)
    definition = _definition(target, mapping is not None)
    if mapping is not None:
        return _run(layout, lambda: expand(layout, definition, tuple(args), given, mapping))
    if is_root:
        layout.problems.extend(flow_warnings(definition, layout.place_in_project))
    layout.adopt_root(definition)
    args, given = definition.filled(tuple(args), given)
    bound = convert_inputs(definition.signature, args, given, texts, definition.place)
    retype_inputs(definition.signature, *bound)

    def body() -> None:
        value = definition.function(*bound[0], **bound[1])
        layout.value = layout.written_result(definition, value, definition.place)

    return _run(layout, body)


def _definition(target: Any, is_map: bool) -> Definition[..., Any]:
    if isinstance(target, Definition):
        if not is_map and target.body != "flow":
            raise DefinitionError(f"{target.name} is a task, not a flow; put it into a flow to run it")
        return target
    return Flow(target, make_options({}, getattr(target, "__name__", "flow"), FLOW_OPTIONS))


def _run(layout: Layout, body: Callable[[], None]) -> Layout:
    try:
        with calling(layout):
            body()
    except CheckError as error:
        layout.abandoned.clear()
        layout.problems.extend(error.problems)
    except (RefError, DefinitionError) as error:
        layout.abandoned.clear()
        layout.problems.append(Problem(str(error), layout.place_of(error)))
    except Exception as error:
        layout.abandoned.clear()
        if layout.errors:  # what is wrong anyway explains more than what it led to
            layout.problems.append(Problem(f"the flow's body raised {type(error).__name__}: {error}"))
            raise CheckError(layout.problems) from error
        raise
    finally:
        layout.close()
    if layout.errors:
        raise CheckError(layout.problems)
    return layout
