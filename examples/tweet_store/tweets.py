"""Real tweets about shares go into a database, and what is asked of it goes into files: all by ready tasks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from partita import TaskClass, flow, task
from partita.components import read_csv, sql_execute, sql_query, sql_table, write_json, write_parquet

DATA = Path("../news_sentiment/data/sent_train.csv.gz")
OUT = Path("out")
DATABASE = "sqlite:///tweets.db"
OPINIONS = {0: "bearish", 1: "bullish", 2: "neutral"}

make_table = sql_execute.partial(
    statements=["drop table if exists tweets", "create table tweets (text text, opinion text)"],
    url=DATABASE,
).with_options(name="make_table", idempotent=True)
fill_table = sql_execute.partial(statements="insert into tweets values (:text, :opinion)", url=DATABASE).with_options(
    name="fill_table"
)
opinions_of = sql_query.partial(
    query="select opinion, count(*) as tweets from tweets where text like :like group by opinion",
    url=DATABASE,
).with_options(name="opinions_of")


@task
def rows_of(table: Any) -> list[dict[str, Any]]:
    """The tweets as parameters of an insert."""
    pairs = zip(table["text"], table["label"], strict=True)
    return [{"text": text, "opinion": OPINIONS[label]} for text, label in pairs]


class Share(TaskClass):
    """What part of the tweets that name a share has an opinion."""

    opinion: str

    def run(self, counts: list[dict[str, Any]]) -> float:
        """The part, from 0 to 1."""
        total = sum(row["tweets"] for row in counts)
        return (
            round(sum(row["tweets"] for row in counts if row["opinion"] == self.opinion) / total, 3) if total else 0.0
        )


bullish = Share(opinion="bullish").task(name="bullish")


@task
def beside(names: list[str], shares: list[float]) -> dict[str, float]:
    """Names and numbers as one dict."""
    return dict(zip(names, shares, strict=True))


@flow
def store(data: Path = DATA, shares: tuple[str, ...] = ("$AAPL", "$AMZN", "$TSLA"), folder: Path = OUT) -> Path:
    """Store the tweets, ask for each share, and write what was found.

    Args:
        data: tweets with a text and a label each.
        shares: as tweets name them.
        folder: where files go.
    """
    filled = fill_table.after(make_table())(parameters=rows_of(read_csv(str(data))))
    counts = opinions_of.after(filled).map(parameters=[{"like": f"%{name}%"} for name in shares])
    longest = sql_table.after(filled)("select * from tweets order by length(text) desc limit 100", DATABASE)
    write_parquet(longest, folder / "longest.parquet")
    return write_json(beside(list(shares), bullish.map(counts)), folder / "bullish.json")
