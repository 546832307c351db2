"""A flow whose size is known only when it runs, one that prints for a while, and one whose texts are hostile."""

import time

from partita import context, flow, task

HOSTILE = '<img src=x onerror="window.hacked=1"><script>window.hacked=1</script>\'"{{ 7919*6007 }}\x1b[31m'


@task
def count(n: int) -> int:
    time.sleep(0.3)
    return n


@task
def part(number: int) -> int:
    time.sleep(0.05)
    return number


@task
def joined(parts: list[int]) -> int:
    return len(parts)


@flow
def unfolded(n: int) -> int:
    return joined([part(number) for number in range(n)])


@flow
def grows(n: int = 6) -> int:
    """The inner flow is laid out once `count` has said how large it is."""
    return unfolded(count(n))


@task
def talk(lines: int, pause: float) -> int:
    for number in range(lines):
        print(f"line {number} of the talk", flush=True)
        time.sleep(pause)
    return lines


@flow
def talks(lines: int = 40, pause: float = 0.1) -> int:
    return talk(lines, pause)


@task
def says(text: str) -> dict[str, str]:
    print(text)
    context().progress(1, 2, text)
    return {text: text}


@task
def breaks(value: dict[str, str]) -> int:
    raise ValueError(HOSTILE)


@flow
def hostile(text: str = HOSTILE) -> int:
    return breaks(says.map([text], key=lambda text: text)[0])


@task
def one(x: int) -> int:
    return x


@flow
def very_many(n: int = 10_000) -> int:
    return joined(one.map(list(range(n))))


@task
def learn(rounds: int) -> float:
    """Tells how it goes."""
    for number in range(rounds):
        context().report("loss", 1 / (number + 1), step=number)
    context().report("accuracy", 0.9)
    return 0.9


@flow
def learns(rounds: int = 20) -> float:
    return learn(rounds)
