"""How fast what people write is read and checked.

    python benchmarks/authoring.py [PART ...] [--repeats 5]

Prints JSON lines: a measurement each, medians over the repeats. Parts: yaml.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

STEPS = 1_000

TASKS = """
from partita import task


@task
def start(number: int) -> int:
    return number


@task
def add(left: int, right: int = 1) -> int:
    return left + right


@task
def say(text: str) -> str:
    return text
"""


def say(name: str, **figures: Any) -> None:
    print(json.dumps({"name": name, "cores": os.cpu_count(), **figures}), flush=True)


def median_s(work: Callable[[], Any], repeats: int) -> float:
    found = []
    for _ in range(repeats):
        begun = time.perf_counter()
        work()
        found.append(time.perf_counter() - begun)
    return round(statistics.median(found), 4)


@contextmanager
def project() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="partita-bench-"))
    try:
        (folder / "partita.toml").touch()
        (folder / "tasks.py").write_text(TASKS)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def flow_of(steps: int) -> str:
    """Of five steps one has a condition and a text that is computed, one takes a computed input, three are plain."""
    lines = ["inputs: {number: int}", "steps:", '  s0: {task: "tasks:start", with: {number: "${{ inputs.number }}"}}']
    for n in range(1, steps):
        lines.append(f"  s{n}:")
        if n % 5 == 0:
            lines += [
                "    task: tasks:say",
                f"    when: ${{{{ steps.s{n - 1}.output > {n} }}}}",
                f'    with: {{text: "value ${{{{ steps.s{n - 1}.output + 1 }}}}"}}',
                "    retries: 2",
            ]
        elif n % 5 == 1 and n > 1:
            left, right = f"${{{{ steps.s{n - 2}.output }}}}", f"${{{{ inputs.number * {n} }}}}"
            lines += ["    task: tasks:add", f'    with: {{left: "{left}", right: "{right}"}}', "    timeout: 5m"]
        else:
            lines += ["    task: tasks:add", f'    with: {{left: "${{{{ steps.s{n - 1}.output }}}}", right: {n}}}']
    return "\n".join([*lines, f"outputs: ${{{{ steps.s{steps - 1}.output }}}}\n"])


def measure_yaml(repeats: int) -> None:
    from partita.flow.yaml.cel import evaluate
    from partita.flow.yaml.files import FlowFile

    with project() as folder:
        sys.path.insert(0, str(folder))
        for steps in (1, STEPS):
            (folder / "flow.yaml").write_text(flow_of(steps))
            check = [sys.executable, "-m", "partita.cli", "check", "flow.yaml", "--number", "3"]

            def run(command: list[str] = check) -> None:
                subprocess.run(command, cwd=folder, check=True, capture_output=True)

            run()
            say("partita check of a YAML flow", steps=steps, wall_s=median_s(run, repeats))
        file = folder / "flow.yaml"
        say("reading it", steps=STEPS, wall_s=median_s(lambda: FlowFile(file), repeats))
        say("reading it and finding its tasks", steps=STEPS, wall_s=median_s(lambda: FlowFile(file).resolve(), repeats))
    count = 20_000

    def evaluations() -> None:
        for number in range(count):
            evaluate("score > 0.8 && name == 'a'", {"score": number, "name": "a"})

    say("evaluating an expression", each_us=round(median_s(evaluations, repeats) / count * 1e6, 2))


PARTS: dict[str, Callable[[int], None]] = {"yaml": measure_yaml}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], help="default: all")
    parser.add_argument("--repeats", type=int, default=5)
    given = parser.parse_args()
    for part in given.parts or PARTS:
        PARTS[part](given.repeats)


if __name__ == "__main__":
    main()
