import time

from partita import approval, flow, task


@task
def load(n: int) -> list[int]:
    print("loading", n)
    return list(range(n))


@task
def work(x: int, pause: float = 0.05) -> int:
    print("working on", x, flush=True)
    time.sleep(pause)
    return x * x


@task
def total(xs: list[int]) -> int:
    return sum(xs)


@flow
def squares(n: int = 20) -> int:
    xs = load(n)
    return total(work.map(xs))


@flow
def asks(n: int = 3) -> int:
    t = squares(n)
    approval("Is it good?", show=t)
    return t
