"""Where workers of a cluster are heard: who looks in only to test it must take nothing from an engine."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from partita.executors.port import Capacity
from partita.settings import load_settings
from partita.workspace.executors import Ground, make_executor


def test_two_engines_hear_the_workers_of_a_cluster_in_places_of_their_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("kubernetes")
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))  # which is found out later, and changes nothing here
    shared = tmp_path / "shared"
    table = {"kind": "kubernetes", "image": "some:1", "kubernetes": {"volumes": [f"claim:data:{shared}"]}}
    settings = load_settings(
        tmp_path, environment={}, arguments={"artifacts": str(shared), "executors": {"pods": table}}
    )
    made = []
    for origin in ("one.pods", "two.pods", ""):
        state = tmp_path / "state"
        state.mkdir(exist_ok=True)
        ground = Ground("pods", tmp_path, state, settings, origin)
        made.append(make_executor(settings.executors["pods"], Capacity(1, 2**30), ground))
    try:
        until = time.monotonic() + 20
        while len(list((shared / "executors" / "pods").glob("*/lease*"))) < 3:
            assert time.monotonic() < until, list(shared.rglob("*"))
            time.sleep(0.05)
    finally:
        for executor in made:
            executor.close()
