"""The Profile of a task or flow: its options as the plain data that engine and workers share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from math import inf
from typing import Any, Protocol

from partita.core.records import Demand, Profile
from partita.flow.definition import Definition
from partita.flow.loading import locate
from partita.values import Node, pack

__all__ = ["Encode", "ProfileBook", "make_profile", "profile_map"]


class Encode(Protocol):
    """Makes the node of a constant: the codecs' `encode`."""

    def __call__(self, value: Any, declared: Any = None, /) -> Node:
        """The node; raises ValueStoreError when the value cannot be stored."""
        ...


def make_profile(
    definition: Definition[..., Any],
    encode: Encode,
    fingerprint: Callable[[Any], str] | None = None,
    *,
    body: str | None = None,
    executor: str = "",
    environment: str = "",
) -> Profile:
    """What all calls of the task or flow share.

    Args:
        encode: makes the node of what only workers open.
        fingerprint: hash of the code that a function reaches; asked for tasks only, since flows are not cached.
        body: "map" where it is the layout of a map; default: the definition's own.
        executor: where it runs when it does not say.
        environment: text of the environment that it has.
    """
    options = definition.options
    body = body or definition.body
    rule = options.for_worker
    is_task = body == "task"
    is_cached = options.cache is not None
    demand = Demand(options.cpu, options.memory, options.gpu, options.slots)
    return Profile(
        function=definition.reference,
        title=definition.name,
        body=body,
        demand=demand if body != "map" else Demand(),
        elements=demand if body == "map" and definition.body == "task" else None,
        retries=options.retries if body != "map" else 0,
        crash_retries=options.crash_retries,
        timeout_s=options.timeout if body != "map" else None,
        grace_s=options.grace,
        expect_s=options.expect if is_task else None,
        deadline_s=options.deadline,
        budget=options.budget,
        overrun=options.overrun,
        priority=options.priority,
        executor=options.executor or executor,
        is_idempotent=options.idempotent or not is_task,
        compensate=_compensation(options.compensate) if body != "map" else None,
        fingerprint=_fingerprint(definition, fingerprint, environment) if is_task else "",
        version=options.version,
        description=options.description or _first_line(definition.__doc__),
        tags=options.tags,
        environment=environment,
        runs_container=getattr(definition.function, "runs_container", False),
        environment_variables=dict(options.environment_variables),
        secrets=options.secrets,
        parameters=tuple(p.name for p in definition.whole_signature.positional) if is_task and is_cached else (),
        is_cached=is_task and is_cached,
        has_cache_key=is_task and is_cached and options.cache_key is not None,
        cache_expiry_s=options.cache if is_cached and options.cache != inf else None,
        worker_options=pack(encode(rule)) if rule and body != "map" else b"",
    )


def _fingerprint(definition: Definition[..., Any], fingerprint: Callable[[Any], str] | None, environment: str) -> str:
    own = getattr(definition.function, "fingerprint", None)  # of what has no source, such as a command
    if callable(own):
        code = str(own())
    else:
        code = fingerprint(definition.function) if fingerprint is not None else ""
    if not code or not environment:
        return code
    from hashlib import blake2b

    return blake2b(f"{code}\0{environment}".encode(), digest_size=16).hexdigest()


def _compensation(function: Any) -> str | None:
    if function is None:
        return None
    if isinstance(function, Definition):
        return function.reference
    return locate(function)


def _first_line(text: str | None) -> str:
    return text.strip().partition("\n")[0].strip() if text else ""


_FIELDS = tuple(field.name for field in fields(Profile))


def profile_map(profile: Profile) -> dict[str, Any]:
    """The profile's fields as a map for messages."""
    return {name: getattr(profile, name) for name in _FIELDS}


class ProfileBook:
    """The profiles of one layout, numbered; equal ones are one."""

    def __init__(self, encode: Encode, fingerprint: Callable[[Any], str] | None) -> None:
        self.profiles: list[Profile] = []
        self.targets: list[Definition[..., Any]] = []  # what each was made from
        self._encode = encode
        self._fingerprint = fingerprint
        # The target is kept, so that its id is not given to another one.
        self._numbers: dict[tuple[int, str, str, str], tuple[int, Definition[..., Any]]] = {}
        self._equal: dict[Any, int] = {}

    def number(self, target: Definition[..., Any], body: str, executor: str, environment: str = "") -> int:
        """The number of the target's profile."""
        found = self._numbers.get((id(target), body, executor, environment))
        if found is not None:
            return found[0]
        equal = (target.function, target.options, body, executor, environment)
        number = self._equal.get(equal)
        if number is None:
            number = len(self.profiles)
            profile = make_profile(
                target, self._encode, self._fingerprint, body=body, executor=executor, environment=environment
            )
            self.profiles.append(profile)
            self.targets.append(target)
            self._equal[equal] = number
        self._numbers[id(target), body, executor, environment] = (number, target)
        return number
