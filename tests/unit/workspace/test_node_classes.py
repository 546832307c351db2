"""On what sort of machine attempts run, as the settings say or as is found out."""

from __future__ import annotations

from pathlib import Path

import pytest

from partita.executors import machine
from partita.settings import load_settings
from partita.workspace.executors import node_classes_of


def classes(folder: Path, text: str) -> dict[str, str]:
    (folder / "partita.toml").write_text(text)
    return node_classes_of(load_settings(folder, environment={}))


def test_an_executor_here_is_known_by_this_machine_and_one_elsewhere_by_its_name(tmp_path: Path) -> None:
    here = machine.machine_class()
    found = classes(
        tmp_path,
        '[executors.small]\ncpu = 1\n[executors.pods]\nkind = "kubernetes"\nimage = "x:1"\n'
        '[executors.boxes]\nkind = "docker"\nimage = "x:1"\n[executors.ray]\nkind = "ray"\naddress = "head:1"\n',
    )
    assert found == {
        "process": f"process/{here}", "small": f"small/{here}", "boxes": f"boxes/{here}", "pods": "pods", "ray": "ray",
    }  # fmt: skip


def test_executors_of_one_class_have_one(tmp_path: Path) -> None:
    found = classes(tmp_path, 'node_class = "desk"\n[executors.small]\ncpu = 1\nnode_class = "desk"\n')
    assert found == {"process": "desk", "small": "desk"}


@pytest.mark.parametrize(
    ("told", "model"),
    [
        ("model name\t: Intel(R) Xeon(R) Platinum 8370C CPU @ 2.80GHz\n", "intel-xeon-platinum-8370c"),
        ("processor : 0\nmodel name : AMD EPYC 7763 64-Core Processor\nmodel name : other\n", "amd-epyc-7763"),
        ("model name : 12th Gen Intel(R) Core(TM) i7-12700K\n", "12th-gen-intel-core-i7-12700k"),
        ("Hardware\t: BCM2835\n", "bcm2835"),
        ("model name : " + "long " * 30, "long-long-long-long-long-long-long-long"),
    ],
)
def test_a_processor_is_known_by_its_model_and_not_by_its_clock(
    monkeypatch: pytest.MonkeyPatch, told: str, model: str
) -> None:
    monkeypatch.setattr(machine, "_read", lambda path: told)
    monkeypatch.setattr(machine, "_cores", lambda: 2.0)
    assert machine.machine_class() == f"{model}-x2"


def test_a_machine_that_does_not_tell_is_known_by_its_architecture(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "_read", lambda path: "processor : 0\n")
    assert machine.machine_class().rpartition("-x")[0] == machine.os.uname().machine
