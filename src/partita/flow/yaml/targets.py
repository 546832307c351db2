"""What the steps of a file call: tasks and flows with the options that the file gives them."""

from __future__ import annotations

import builtins
import re
from pathlib import Path
from typing import Any

from partita.errors import CheckError, DefinitionError, LoadError, OptionError
from partita.flow.command import command
from partita.flow.definition import Definition
from partita.flow.loading import load, project_folder
from partita.flow.options import FLOW_OPTIONS, REFERENCES
from partita.flow.task import Task
from partita.flow.yaml.container_steps import container_task
from partita.flow.yaml.expressions import Expression, Template
from partita.flow.yaml.functions import shown_text
from partita.flow.yaml.problems import Problems
from partita.flow.yaml.records import Step, expressions_in
from partita.flow.yaml.shapes import shaped
from partita.flow.yaml.source import Node

#: A function by its place, and no duration.
_PLACE = re.compile(r"[^\W\d][^:]*:.")

__all__ = ["command_arguments", "load_named", "read_options", "target_of"]


def target_of(step: Step, file: Path, problems: Problems) -> Definition[..., Any] | None:
    """What the step calls, with its options; None: something is wrong, and noted."""
    found: Definition[..., Any] | None
    if step.verb == "run":
        found = _command(step, file, problems)
    elif step.verb == "container":
        found = container_task(step, file, problems)
    else:
        found = _loaded(step, file, problems)
    if found is None:
        return None
    if step.verb != "run":
        _check_arguments(step, found, problems)
    options = read_options(step.options, file, problems)
    if found.body == "flow":
        for name in [name for name in options if name not in FLOW_OPTIONS]:
            problems.add(step.options[name], f"a flow has no option {name!r}", "give it to the steps of that flow")
            del options[name]
    try:
        found = found.with_options(name=step.name, **options)
    except OptionError:
        for name, value in options.items():
            _tell_wrong_option(found, step, name, value, problems)
        return None
    return found


def _tell_wrong_option(found: Definition[..., Any], step: Step, name: str, value: Any, problems: Problems) -> None:
    try:
        found.with_options(**{name: value})
    except OptionError as error:
        problems.add(step.options[name], str(error).partition(": ")[2] or str(error))


def _loaded(step: Step, file: Path, problems: Problems) -> Definition[..., Any] | None:
    node = step.target.node
    if not isinstance(step.target.tree, str):
        return None
    found = load_named(step.target.tree, node, file, problems)
    if found is None:
        return None
    if not isinstance(found, Definition):
        kind = "function" if callable(found) else type(found).__name__
        remedy = "put @task above its definition, or @flow" if callable(found) else "name a task or flow"
        problems.add(node, f"{step.target.tree} is a {kind}, neither a task nor a flow", remedy)
        return None
    if step.verb == "flow" and found.body != "flow":
        problems.add(node, f"{step.target.tree} is a task, not a flow", f"write `task: {step.target.tree}`")
        return None
    return found


def load_named(written: str, node: Node, file: Path, problems: Problems) -> Any:
    """What a reference in the file names; None: it cannot be loaded, which is noted."""
    reference, folder = _reference(written.strip(), file)
    try:
        if reference.endswith((".yaml", ".yml")):
            from partita.flow.yaml.loading import open_flow

            return open_flow(Path(reference))
        return load(reference, folder)
    except CheckError as error:
        problems.add(node, f"{written} cannot be used: something is wrong in it")
        problems.merge(error)
    except (LoadError, DefinitionError) as error:
        message, _, remedy = str(error).partition("; ")
        problems.add(node, message, remedy)
    return None


def _reference(written: str, file: Path) -> tuple[str, Path | None]:
    """The reference as it can be loaded, and the folder that it is relative to."""
    place, _, name = written.partition(":")
    if place.endswith((".py", ".yaml", ".yml")):
        folder = file.parent if (file.parent / place).is_file() else project_folder()
        if name:
            project = project_folder()
            whole = (folder / place).resolve()
            if whole.is_relative_to(project):
                return f"{whole.relative_to(project).as_posix()}:{name}", project
            return f"{place}:{name}", folder
        return str(folder / place), None
    beside = file.parent.joinpath(*place.split(".")).with_suffix(".py")
    project = project_folder()
    if name and beside.is_file() and file.parent not in (project, project / "src"):
        if beside.is_relative_to(project):
            return f"{beside.relative_to(project).as_posix()}:{name}", project
        return f"{beside.name}:{name}", beside.parent
    return written, project


def _command(step: Step, file: Path, problems: Problems) -> Task[..., Any] | None:
    line, names = _line(step)
    try:
        made = command(
            line,
            parameters=dict.fromkeys(names, Any),
            allowed_statuses=step.allowed_statuses,
            folder=step.folder,
            name=step.name,
        )
    except DefinitionError as error:
        problems.add(step.target.node, str(error))
        return None
    program: Any = made.function
    program.source_file = file
    program.__qualname__ = f"{step.name}.run"
    return made


def _line(step: Step) -> tuple[str | list[str], list[str]]:
    """The command with a placeholder for each expression, and their names."""
    names: list[str] = []

    def written(tree: Any) -> str:
        text = ""
        for part in tree.parts if isinstance(tree, Template) else [tree]:
            if isinstance(part, Expression):
                names.append(f"p{len(names)}")
                text += f"{{{names[-1]}}}"
            else:
                text += shown_text(part).replace("{", "{{").replace("}", "}}")
        return text

    tree = step.target.tree
    return ([written(item) for item in tree] if isinstance(tree, list) else written(tree)), names


def command_arguments(step: Step) -> dict[str, Expression]:
    """Parameter -> the expression in the command that gives its value."""
    return {f"p{number}": expression for number, expression in enumerate(expressions_in(step.target.tree))}


def read_options(given: dict[str, Node], file: Path, problems: Problems) -> dict[str, Any]:
    """The options as `with_options` takes them."""
    options = {}
    for name, node in given.items():
        texts = [item for item in node.walk() if isinstance(item.value, str) and "${{" in item.value]
        if texts:
            problems.add(texts[0], f"the option {name} takes no expression", "it is needed before inputs are known")
        elif name in REFERENCES:
            if node.value is not None:
                options[name] = _named_option(name, node, file, problems)
        elif name == "retry_on":
            found = [
                _exception(item, file, problems) for item in (node.value if isinstance(node.value, list) else [node])
            ]
            options[name] = found if isinstance(node.value, list) else found[0]
        elif name == "retry_delay" and isinstance(node.value, str) and _PLACE.match(node.value):
            options[name] = _named_option(name, node, file, problems)
        elif name == "environment_variables" and isinstance(node.value, dict):
            options[name] = {key: shown_text(item.value) for key, item in node.value.items()}
        else:
            options[name] = node.plain()
    return {name: value for name, value in options.items() if not _is_lacking(value)}


def _is_lacking(value: Any) -> bool:
    return value is _LACKING or (isinstance(value, list) and any(item is _LACKING for item in value))


_LACKING: Any = object()


def _named_option(name: str, node: Node, file: Path, problems: Problems) -> Any:
    if not isinstance(node.value, str):
        problems.add(node, f'{name} names a task or function, "module:name", and here stands {node.kind}')
        return _LACKING
    found = load_named(node.value, node, file, problems)
    return _LACKING if found is None else found


def _exception(node: Node, file: Path, problems: Problems) -> Any:
    text = node.value
    if isinstance(text, str) and ":" not in text:
        found = getattr(builtins, text, None)
        if isinstance(found, type) and issubclass(found, BaseException):
            return found
    if isinstance(text, str) and ":" in text:
        found = load_named(text, node, file, problems)
        return _LACKING if found is None else found
    problems.add(
        node, f"{text!r} is no exception", 'give the name of a built-in one, such as OSError, or "module:Name"'
    )
    return _LACKING


def _check_arguments(step: Step, found: Definition[..., Any], problems: Problems) -> None:
    """Names, and the values that are constants."""
    signature = found.signature
    for label in step.arguments:
        for misfit in signature.unknown(label):
            message, _, remedy = misfit.partition("; ")
            problems.add(step.keys[label], message, remedy)
    for misfit in signature.misfits(0, step.arguments):
        if "missing" in misfit:
            problems.add(step.node, misfit, "give it in `with:`")
    for label, argument in step.arguments.items():
        parameter = signature.by_name.get(label)
        if parameter is not None and not any(expressions_in(argument.tree)):
            try:
                shaped(argument.tree, parameter.annotation)
            except ValueError as error:
                from partita.flow.types import plain_form, type_name

                told = f"{found.name}'s {label} takes {type_name(plain_form(parameter.annotation))}, and got {error}"
                problems.add(argument.node, told)
