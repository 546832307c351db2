"""The keys of executors of kind "ray"."""

from __future__ import annotations

from typing import Any

import pytest

from partita.settings_values import as_executors


def ray(**table: Any) -> Any:
    return as_executors({"cluster": {"kind": "ray", **table}})["cluster"]


def test_what_is_not_given_is_a_local_ray() -> None:
    made = ray()
    assert (made.kind, made.ray.address, made.ray.resources, made.ray.runtime_env_map()) == ("ray", "", (), {})


def test_all_keys_are_read() -> None:
    made = ray(
        address="ray://10.0.0.5:10001", resources={"licence": 1, "fast": 0.5}, runtime_env={"env_vars": {"LEVEL": "2"}},
        pending_timeout="30m", lease="2m", idle="5m", variables=["TOKEN"], attempts_per_worker=3,
    )  # fmt: skip
    assert made.ray.address == "ray://10.0.0.5:10001" and made.ray.pending_timeout_s == 1800
    assert dict(made.ray.resources) == {"licence": 1.0, "fast": 0.5}
    assert made.ray.runtime_env_map() == {"env_vars": {"LEVEL": "2"}}
    assert (made.lease_s, made.idle_s, made.variables, made.attempts_per_worker) == (120, 300, ("TOKEN",), 3)


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({"address": "http://10.0.0.5"}, "an address such as"),
        ({"address": "10.0.0.5"}, "an address such as"),
        ({"address": 6379}, "an address such as"),
        ({"resources": {"licence": 0}}, "amounts above 0"),
        ({"resources": ["licence"]}, "amounts above 0"),
        ({"resources": {"CPU": 2}}, "by their options cpu, gpu and memory"),
        ({"runtime_env": "pip"}, "a table as Ray takes it"),
        ({"runtime_env": {}}, "a table as Ray takes it"),
        ({"pending_timeout": 0}, "a duration above 0"),
        ({"pending_timeout": "soon"}, "a duration above 0"),
        ({"image": "x:1"}, 'only with kind = "docker"'),
        ({"adress": "auto"}, "did you mean address"),
    ],
)
def test_what_cannot_be_is_refused_in_words(table: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        ray(**table)


def test_its_keys_are_of_no_other_kind() -> None:
    with pytest.raises(ValueError, match='address of the executor small only with kind = "ray"'):
        as_executors({"small": {"address": "auto"}})
