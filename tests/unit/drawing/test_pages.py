"""Runs, steps and graphs as HTML: complete, escaped, and nothing in them runs or comes from elsewhere."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

import pytest

from partita.drawing import build_graph, svg_text
from partita.drawing.pages import graph_html, outcome_html, run_html, run_text, runs_html, steps_html
from partita.drawing.progress import Progress, first_failures
from partita.protocol.requests import StepView
from tests.unit.cli.fake import NOW, make_run, make_step

HOSTILE = '<script>alert("x")</script><img src=x onerror=alert(1)>\x1b]0;title\x07</pre></div>\'"&\u202e'


class Page(HTMLParser):
    """What a browser would make of it."""

    VOID = frozenset({"br", "img", "path", "rect"})

    def __init__(self, text: str, void: tuple[str, ...] = ()) -> None:
        super().__init__()
        self.VOID = self.VOID | frozenset(void)
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(text)
        self.close()
        assert not self.open, self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def failing(name: str = "fit") -> tuple[Progress, list[StepView]]:
    error: dict[str, Any] = {
        "type": name,
        "message": name,
        "traceback": f'File "{name}", line 3\n{name}\n',
        "origin": "user",
    }
    steps = [
        make_step(0, name, "failed", parent=-1, kind="flow", name=name, place=name),
        make_step(1, f"{name}[0]", "failed", error=error, attempts=3, place=name, name=name, preview=name),
        make_step(2, name + "2", "succeeded", preview=name, name=name),
        make_step(3, name + "3", "running", progress=[2, 8, name], name=name),
    ]
    progress = Progress()
    run = make_run(name, "failed", title=name, error=error, counts={"failed": 2, "succeeded": 1, "running": 1})
    progress.take(run, steps)
    return progress, steps


def every_page(name: str) -> dict[str, str]:
    progress, steps = failing(name)
    assert progress.run is not None
    problem = {"message": name, "place": name, "remedy": name, "is_warning": True}
    refused = Progress()
    refused.take(make_run(name, "failed", error={"type": "CheckError", "message": name, "problems": [problem]}), [])
    return {
        "run": run_html(
            progress, failures=first_failures(steps), log=lambda step: name, graph=build_graph(name, steps), result=name
        ),
        "refused run": run_html(refused),
        "runs": runs_html([progress.run]),
        "steps": steps_html(steps),
        "graph": graph_html(build_graph(name, steps), [problem]),
        "outcome": outcome_html(True, name),
        "failed outcome": outcome_html(False, "", name, name, name),
    }


@pytest.mark.parametrize("what", list(every_page("x")))
def test_whatever_users_wrote_is_escaped(what: str) -> None:
    page = Page(every_page(HOSTILE)[what])
    allowed = {
        "div", "style", "span", "b", "i", "br", "code", "pre", "details", "summary", "svg", "g", "defs", "marker", "path",
        "rect", "text", "title",
    }  # fmt: skip
    assert set(page.tags) <= allowed
    assert not [name for name, _ in page.attributes if name.startswith("on") or name in ("src", "href")]
    assert "alert" in page.text or any("alert" in (value or "") for _, value in page.attributes)
    assert "\x1b" not in page.text and "\u202e" not in page.text


@pytest.mark.parametrize("what", list(every_page("x")))
def test_pages_need_nothing_from_elsewhere_and_are_small(what: str) -> None:
    text = every_page("fit")[what]
    assert "http" not in text.replace("http://www.w3.org/2000/svg", "")
    assert "url(" not in text.replace("url(#tip-", "")
    assert len(text) < 12_000


def test_a_failed_run_tells_where_it_failed_and_folds_the_log() -> None:
    progress, steps = failing()
    text = run_html(progress, failures=first_failures(steps), log=lambda step: f"printed by {step}")
    page = Page(text)
    assert "fit[0] failed after 3 attempts" in page.text
    assert 'File "fit", line 3' in page.text
    assert text.count("<details open>") == 1
    assert "<details><summary>" in text[: text.index("printed by 1")].rpartition("<details open>")[2]
    assert "1 step" not in page.text and "4 steps" in page.text


def test_only_the_first_failures_are_told() -> None:
    steps = [
        make_step(n, f"fit[{n}]", "failed", error={"type": "ValueError", "message": f"bad {n}"}) for n in range(1, 9)
    ]
    progress = Progress()
    progress.take(make_run("r", "failed", counts={"failed": 8}), steps)
    page = Page(run_html(progress, failures=first_failures(steps)))
    assert "bad 3" in page.text and "bad 4" not in page.text
    assert "and 5 more failed steps" in page.text


def test_a_run_that_goes_on_shows_how_far_it_is() -> None:
    progress = Progress()
    steps = [make_step(n, f"fit[{n}]", "succeeded" if n < 4 else "running", started_at=NOW) for n in range(10)]
    progress.take(make_run("r", "running", counts={"succeeded": 4, "running": 6}), steps)
    text = run_html(progress)
    assert "4/10" in Page(text).text and "width:40%" in text
    assert "4 of 10 steps" in Page(text).text
    assert "<details" not in text


def test_ten_thousand_kinds_of_steps_stay_readable() -> None:
    steps = [make_step(n + 1, f"step{n}", "pending") for n in range(10_000)]
    progress = Progress()
    progress.take(make_run("r", "running", counts={"pending": 10_000}), steps)
    assert len(run_html(progress)) < 20_000
    assert len(steps_html(steps)) < 80_000
    assert "too many to draw" in graph_html(build_graph("wide", steps))


def test_pictures_in_one_page_do_not_share_ids() -> None:
    one = svg_text(build_graph("a", [make_step(0, "a"), make_step(1, "b", inputs=[0])]), is_inline=True)
    other = svg_text(build_graph("b", [make_step(0, "a"), make_step(1, "b", inputs=[0])]), is_inline=True)
    ids = [value for page in (one, other) for name, value in Page(page).attributes if name == "id"]
    assert len(ids) == len(set(ids)) == 2


def test_a_graph_shows_the_states_and_what_a_flow_that_was_laid_out_had_waited_for() -> None:
    steps = [
        make_step(0, "load", "succeeded", parent=-1, name="load"),
        make_step(1, "fit[]", "failed", parent=-1, kind="flow", name="fit[]", inputs=[0]),
        make_step(2, "fit[]/fit[0]", "succeeded", parent=1, name="fit[0]"),
        make_step(3, "fit[]/fit[1]", "failed", parent=1, name="fit[1]"),
    ]
    graph = build_graph("study", steps)
    assert graph.edges == [(0, 1)]
    assert graph.nodes[1].states == {"succeeded": 1, "failed": 1} and graph.nodes[1].state == "failed"
    drawn = svg_text(graph, is_inline=True)
    assert 'class="box failed"' in drawn and "1 succeeded, 1 failed" in drawn
    assert "failed" not in svg_text(graph)


def test_a_run_on_one_line() -> None:
    progress, _ = failing()
    assert progress.run is not None
    assert "fit failed" in run_text(progress.run) and "2 failed, 1 succeeded" in run_text(progress.run)
