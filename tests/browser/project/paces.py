"""Steps that go on when a file is there: what a page shows between two moments can be looked at at leisure."""

import time
from pathlib import Path

from partita import approval, flow, task


def wait_for(file: Path) -> None:
    while not file.exists():
        time.sleep(0.02)


@task
def held(folder: str, name: str) -> str:
    """Prints, and waits for a file."""
    print(f"{name} has begun", flush=True)
    wait_for(Path(folder) / name)
    print(f"{name} goes on", flush=True)
    return name


@task
def after(name: str, folder: str, other: str) -> str:
    wait_for(Path(folder) / other)
    return other


@flow
def paced(folder: str) -> str:
    """One step, and one after it."""
    return after(held(folder, "one"), folder, "two")


@flow
def queued(folder: str, n: int = 40) -> list[str]:
    """More steps at once than the machine has room for, each of which can be let go by itself."""
    return [held(folder, f"step{number}") for number in range(n)]


@task(retries=1)
def fickle(folder: str) -> int:
    name = "second" if (Path(folder) / "tried").exists() else "first"
    (Path(folder) / "tried").touch()
    print(f"the {name} attempt has begun", flush=True)
    wait_for(Path(folder) / name)
    if name == "first":
        raise ValueError("at first it fails")
    return 1


@flow
def retried(folder: str) -> int:
    return fickle(folder)


@flow
def decided(folder: str) -> str:
    """A person, and then a step that waits for a file."""
    said = approval("Go on with it?")
    return following(said, folder)


@task
def following(said: object, folder: str) -> str:
    wait_for(Path(folder) / "end")
    return "done"
