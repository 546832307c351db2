import time

from partita import flow, task


@task
def fetch(seconds: float) -> float:
    time.sleep(seconds)
    return seconds


@task
def fit(seconds: float, data: float) -> float:
    time.sleep(seconds)
    return seconds


@task
def report(parts: list[float]) -> float:
    time.sleep(0.8)
    return sum(parts)


@flow
def season(pace: float = 1.0) -> float:
    data = fetch(1.6 * pace)
    return report([fit(1.2 * pace, data), fit(0.6 * pace, data), report([fit(1.4 * pace, data)])])
