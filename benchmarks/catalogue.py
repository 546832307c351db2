"""How long the catalogue takes to read components, against importing what they come from.

    python benchmarks/catalogue.py [--packages 200] [--tasks 10] [--repeats 5]

Prints JSON lines, medians over the repeats: 200 packages made up, read from cold by a process each time; this
environment's own components; and, to compare, importing the libraries that the ready tasks use.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

TASK = '''
@task(retries=2, tags=["made", "up"])
def task_{number}(a: int, b: str = "x") -> int:
    """Do {number}.

    Args:
        a: one.
        b: two.
    """
    return a
'''

READ = """
import json, sys, time
from importlib import metadata
from pathlib import Path
from partita.flow.catalogue import installed_components
from partita.flow.catalogue.modules import Library
folder = sys.argv[1]
begun = time.perf_counter()
found, _ = installed_components(Library([Path(folder)]), metadata.distributions(path=[folder]) if folder else None)
print(json.dumps({"components": len(found), "read_s": round(time.perf_counter() - begun, 3)}))
"""

IMPORT = """
import json, time
begun = time.perf_counter()
import pandas, polars, pyarrow, sqlalchemy, urllib3
print(json.dumps({"import_s": round(time.perf_counter() - begun, 3)}))
"""


def make_packages(folder: Path, packages: int, tasks: int) -> None:
    """Packages with an entry point and a module each."""
    source = "from partita import task\n" + "".join(TASK.format(number=number) for number in range(tasks))
    for number in range(packages):
        about = folder / f"package{number}-1.0.dist-info"
        about.mkdir()
        (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: package{number}\nVersion: 1.0\n")
        (about / "entry_points.txt").write_text(f"[partita.components]\nall = module{number}\n")
        (folder / f"module{number}.py").write_text(source)


def measure(name: str, program: str, argument: str, repeats: int) -> None:
    """Run the program that often, and print the medians of what it says."""
    told = []
    for _ in range(repeats):
        done = subprocess.run([sys.executable, "-c", program, argument], capture_output=True, text=True, check=True)
        told.append(json.loads(done.stdout))
    medians = {key: statistics.median(one[key] for one in told) for key in told[0]}
    print(json.dumps({"name": name, "cores": os.cpu_count(), **medians}), flush=True)


def main() -> None:
    """Measure, as the arguments say."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--packages", type=int, default=200)
    parser.add_argument("--tasks", type=int, default=10)
    parser.add_argument("--repeats", type=int, default=5)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        make_packages(Path(folder), given.packages, given.tasks)
        measure("read packages", READ, folder, given.repeats)
    measure("read this environment", READ, "", given.repeats)
    measure("import the libraries", IMPORT, "", given.repeats)


if __name__ == "__main__":
    main()
