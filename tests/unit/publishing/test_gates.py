"""Gates: which are asked, and how they are written."""

from __future__ import annotations

from typing import Any

import pytest

from partita.errors import OptionError, SettingsError
from partita.publishing.gates import gates_of, plan_of, pytest_words, settings_of
from partita.settings import read_gates
from partita.settings_publishing import as_ci, as_gates, as_repositories, as_stages
from partita.values import is_plain


def test_the_gates_of_a_flow_count_instead_of_those_of_every_flow() -> None:
    gates = as_gates(
        {"*": {"prod": {"approvals": 1}}, "train": {"dev": {"floors": "f1 >= 0.5"}, "publish": {"tests": ["t.py"]}}}
    )
    assert settings_of(gates, "other", "prod") is not None and settings_of(gates, "train", "prod") is None
    dev, publish = settings_of(gates, "train", "dev"), settings_of(gates, "train", "")
    assert dev is not None and gates_of(dev) == [("floor f1 >= 0.5", "f1 >= 0.5")]
    assert publish is not None and gates_of(publish) == [("tests", "pytest t.py")]
    assert settings_of({}, "train", "") is None


def test_all_gates_are_told_in_words() -> None:
    gates = read_gates(
        {
            "tests": ["tests/test_a.py::test_x", "-k 'quick and not slow'"], "sample": {"rows": 10, "name": "a", "on": True},
            "within": "5m", "floors": ["accuracy>=0.8"], "approvals": 2, "approvers": ["ann", "bo", "cy"],
        }
    )  # fmt: skip
    assert gates_of(gates) == [
        ("tests", "pytest tests/test_a.py::test_x -k 'quick and not slow'"),
        ("sample", "a run with rows=10, name=a, on=true succeeds within 300 s"),
        ("floor accuracy >= 0.8", "accuracy>=0.8"), ("approvals", "2 of ann, bo, cy approve, of whom none asked for it"),
    ]  # fmt: skip
    assert is_plain(plan_of(gates)) and not read_gates({"approvals": 0})


@pytest.mark.parametrize("words", ["/etc/x.py", "../t.py", "-p no", "--rootdir=/", "a/../../b.py"])
def test_tests_stay_in_the_bundle(words: str) -> None:
    with pytest.raises(OptionError, match="files of the project"):
        pytest_words([words])


@pytest.mark.parametrize(
    "table",
    [
        {"floor": "x >= 1"}, {"tests": [1]}, {"within": "5m"}, {"approvals": True}, {"approvals": -1}, {"sample": "x"},
        {"approvals": 3, "approvers": ["ann", "bo"]}, {"sample": {}, "within": 0},
    ],
)  # fmt: skip
def test_wrong_gates_are_refused(table: dict[str, Any]) -> None:
    with pytest.raises(SettingsError):
        read_gates(table)


def test_floors_hold_metrics_to_numbers() -> None:
    for text in ("approved", "accuracy no worse"):
        with pytest.raises(OptionError, match="floors"):
            gates_of(read_gates({"floors": [text]}))


def test_stages_are_names() -> None:
    assert as_stages("qa, live") == ("qa", "live") == as_stages(["qa", "live"])
    for wrong in ([], ["a", "a"], ["3"], ["latest"], ["publish"], ["a b"], 3):
        with pytest.raises(ValueError):
            as_stages(wrong)


def test_rules_and_repositories() -> None:
    ci = as_ci({"rules": ["branch main -> dev", "tag v* -> publish"], "flows": "flows.py:train"})
    assert [str(rule) for rule in ci.rules] == ["branch main -> dev", "tag v* -> publish"] and ci.flows == (
        "flows.py:train",
    )
    for wrong in ({"rules": ["main -> dev"]}, {"rules": ["branch x -> 3"]}, {"rule": []}, []):
        with pytest.raises(ValueError):
            as_ci(wrong)
    found = as_repositories(
        {"acme/news": {"url": "https://git.example/acme/news.git", "secret": "NEWS", "folder": "a/b/"}}
    )
    assert found["acme/news"].folder == "a/b"
    for url in ("git@git.example:acme/news.git", "ssh://git@git.example/x", "file:///srv/x"):
        assert as_repositories({"x": {"url": url}})["x"].url == url
    for url in ("http://git.example/x", "ext::sh -c x", "--upload-pack=x", "-oProxyCommand=x@h:p", ""):
        with pytest.raises(ValueError):
            as_repositories({"x": {"url": url}})
    users = {"Ann-GH": "ann@example.org", "bot": "token:ci"}
    assert dict(as_repositories({"x": {"url": "file:///x", "users": users}})["x"].users) == users
    for wrong in ({"ann": ""}, {"ann": 3}, ["ann"], {"ann": "a", "ANN": "b"}):
        with pytest.raises(ValueError, match="users of the repository x"):
            as_repositories({"x": {"url": "file:///x", "users": wrong}})
    for table in ({"url": "file:///x", "folder": "../y"}, {"url": "file:///x", "secret": "the secret!"}, {}):
        with pytest.raises(ValueError):
            as_repositories({"x": table})
