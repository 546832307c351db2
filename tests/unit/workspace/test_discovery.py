"""Finding flows by reading files."""

from __future__ import annotations

from pathlib import Path

from partita.workspace.discovery import find_flows


def test_python_and_yaml_flows_are_found_and_files_of_others_are_not(tmp_path: Path) -> None:
    files = {
        "a.py": "from partita import flow\n@flow\ndef first(): ...\n",
        "b.yaml": "name: x\nsteps:\n  a: {run: ls}\n",
        "sub/c.yml": "steps: {}\n",
        "ci.yml": "jobs:\n  a:\n    steps:\n      - run: ls\n",
        "other.yaml": "steps:\n  - run: ls\nstages: []\n",
        "azure.yml": "steps:\n# first\n- script: ls\n",
        "cloud.yaml": "steps:\n  - name: ls\n",
        "compose.yaml": "services:\n  a: {}\n",
        "broken.yaml": "steps: {a: [",
        ".github/workflows/x.yml": "steps: {}\n",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    assert find_flows(tmp_path) == ["a.py:first", "b.yaml:b", "broken.yaml:broken", "sub/c.yml:c"]


def test_flows_of_a_python_file_that_is_broken_are_found_so_that_somebody_says_what_is_wrong(tmp_path: Path) -> None:
    text = (
        "from partita import flow\nimport partita\n"
        "@flow\ndef first() -> int:\n    return 1\n"
        "@partita.flow(\n    timeout='1m',\n)\n# kept\n@other\nasync def second(): ...\n"
        "@flowing\ndef no_flow(): ...\n"
        "def last(:\n    return 2\n"
    )
    (tmp_path / "a.py").write_text(text, encoding="utf-8")
    assert find_flows(tmp_path) == ["a.py:first", "a.py:second"]
