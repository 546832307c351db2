"""Who will leave: several models, compared, and a person who decides."""

import random
import time

from partita import Decision, approval, flow, task


@task
def load(rows: int) -> list[float]:
    """Customers, as what they spend."""
    print(f"{rows:,} customers read")
    return [random.Random(7).random() for _ in range(rows)]


@task
def split(rows: list[float]) -> tuple[list[float], list[float]]:
    return rows[: len(rows) * 4 // 5], rows[len(rows) * 4 // 5 :]


@task
def train(kind: str, fold: int, rows: list[float]) -> float:
    """How good a model of this kind is on this fold."""
    time.sleep(0.03)
    print(f"{kind}, fold {fold}: trained on {len(rows):,} rows")
    return 0.7 + random.Random(f"{kind}{fold}").random() / 4


@task
def mean(scores: list[float]) -> float:
    return sum(scores) / len(scores)


@flow
def examine(kind: str, rows: list[float], folds: int) -> float:
    return mean([train(kind, fold, rows) for fold in range(folds)])


@task
def best(kinds: list[str], scores: list[float]) -> str:
    return max(zip(scores, kinds, strict=True))[1]


@task
def report(name: str, rows: list[float], decision: Decision) -> str:
    return f"{name} is in use, as {decision.by} said; examined on {len(rows):,} customers"


@flow
def churn(rows: int = 10_000, folds: int = 4) -> str:
    """Compare models of who will leave, and use the best one once somebody has agreed."""
    fitting, holding = split(load(rows))
    kinds = ["linear", "forest", "boosted"]
    chosen = best(kinds, [examine(kind, fitting, folds) for kind in kinds])
    return report(chosen, holding, approval("Use this model?", show=chosen))
