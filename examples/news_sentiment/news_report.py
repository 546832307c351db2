"""The report's pages."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

import numpy as np

__all__ = ["report_html", "report_markdown"]

_SHOWN_MISTAKES = 8
_SHOWN_WORDS = 12
_COLORS = {"bearish": "#b3261e", "bullish": "#1b7f4d", "neutral": "#4a5568"}

_STYLE = """
:root { --ink: #1a202c; --soft: #5a6577; --line: #e2e8f0; --ground: #f7f8fa; --card: #fff; --accent: #2b5c9e; }
* { box-sizing: border-box }
body { margin: 0; background: var(--ground); color: var(--ink);
       font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif }
main { max-width: 60rem; margin: 0 auto; padding: 3rem 1.5rem 4rem }
h1 { font-size: 1.9rem; line-height: 1.2; margin: 0 0 .5rem; letter-spacing: -.01em }
h2 { font-size: 1.15rem; margin: 0 0 .35rem }
p { margin: 0 0 .8rem; max-width: 44rem }
.soft { color: var(--soft) }
section { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 1.4rem 1.6rem;
          margin-top: 1.2rem }
.numbers { display: grid; grid-template-columns: repeat(auto-fit, minmax(11rem, 1fr)); gap: 1rem; margin-top: 1.6rem }
.number { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 1rem 1.2rem }
.number b { display: block; font-size: 1.9rem; line-height: 1.2; font-weight: 650; font-variant-numeric: tabular-nums }
.wide { overflow-x: auto }
table { border-collapse: collapse; width: 100%; margin-top: .6rem; font-variant-numeric: tabular-nums }
th { text-align: left; font-weight: 600; color: var(--soft); font-size: .85rem; white-space: nowrap }
th, td { padding: .45rem .9rem .45rem 0; border-bottom: 1px solid var(--line); vertical-align: top }
tr:last-child td { border-bottom: 0 }
.n { text-align: right; white-space: nowrap }
.bar { min-width: 9rem; width: 28% }
.bar i { display: block; height: .6rem; margin-top: .5rem; border-radius: 4px; background: #b9c6d8 }
tr.chosen td { font-weight: 600 }
tr.chosen .bar i { background: var(--accent) }
.tag { display: inline-block; padding: 0 .5rem; border-radius: 99px; font-size: .8rem; font-weight: 600;
       line-height: 1.5rem; color: #fff; white-space: nowrap }
.two { display: grid; grid-template-columns: minmax(0, 3fr) minmax(0, 4fr); gap: 1.2rem 2rem; align-items: center }
.two img { width: 100%; height: auto; display: block }
.words { display: grid; grid-template-columns: repeat(auto-fit, minmax(14rem, 1fr)); gap: 1rem 1.5rem;
         margin-top: .6rem }
.words code { display: inline-block; background: var(--ground); border: 1px solid var(--line); border-radius: 5px;
              padding: 0 .35rem; margin: .15rem .1rem; font-size: .85rem }
.text { overflow-wrap: anywhere }
@media (max-width: 46rem) { .two { grid-template-columns: minmax(0, 1fr) } main { padding: 1.5rem 1rem } }
"""


def report_html(labels: Sequence[str], trials: Sequence[Any], model: Any, evaluation: Any, learned: int) -> str:
    """The whole report as one page that needs no other file."""
    examined = sum(each.support for each in evaluation.classes)
    sections = [
        _candidates(trials, model.candidate.name),
        _classes(labels, evaluation),
        _words(labels, model),
        _mistakes(evaluation),
    ]
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>How financial news sounds</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n<main>\n"
        "<h1>How financial news sounds</h1>\n"
        f'<p class="soft">A classifier ({escape(model.candidate.name)} on single words and pairs of words) that tells '
        f"bearish, bullish and neutral tweets apart. It was chosen by cross-validation and fitted on {learned:,} "
        f"tweets; the numbers here are from {examined:,} others, which took no part in that.</p>\n"
        f"{_numbers(evaluation, learned, examined)}\n" + "\n".join(sections) + "\n</main>\n</body>\n</html>\n"
    )


def _numbers(evaluation: Any, learned: int, examined: int) -> str:
    always = max(each.support for each in evaluation.classes) / examined
    cells = [
        (f"{evaluation.score.accuracy:.1%}", f"accuracy; always the most frequent class: {always:.1%}"),
        (f"{evaluation.score.macro_f1:.3f}", "macro F1, where each class counts the same"),
        (f"{learned:,}", "tweets to learn from"),
        (f"{examined:,}", "tweets for the examination"),
    ]
    inner = "".join(
        f'<div class="number"><b>{value}</b><span class="soft">{told}</span></div>' for value, told in cells
    )
    return f'<div class="numbers">{inner}</div>'


def _candidates(trials: Sequence[Any], chosen: str) -> str:
    ordered = sorted(trials, key=lambda trial: -trial.macro_f1)
    rows = []
    for trial in ordered:
        f1 = [score.macro_f1 for score in trial.scores]
        accuracy = [score.accuracy for score in trial.scores]
        rows.append(
            f"<tr{' class=chosen' if trial.candidate.name == chosen else ''}><td>{escape(trial.candidate.name)}</td>"
            f'<td class="n">{np.mean(f1):.3f} ± {np.std(f1):.3f}</td><td class="n">{np.mean(accuracy):.3f}</td>'
            f'<td class="bar"><i style="width:{100 * np.mean(f1):.1f}%"></i></td></tr>'
        )
    return (
        "<section><h2>The candidates</h2>"
        f'<p class="soft">Mean and standard deviation over {len(ordered[0].scores)} folds of the tweets to learn from. '
        "The best macro F1 was chosen.</p>"
        '<div class="wide"><table><tr><th>classifier</th><th class="n">macro F1</th><th class="n">accuracy</th>'
        f"<th></th></tr>{''.join(rows)}</table></div></section>"
    )


def _classes(labels: Sequence[str], evaluation: Any) -> str:
    rows = "".join(
        f'<tr><td>{_tag(each.label)}</td><td class="n">{each.precision:.3f}</td><td class="n">{each.recall:.3f}</td>'
        f'<td class="n">{each.f1:.3f}</td><td class="n">{each.support:,}</td></tr>'
        for each in evaluation.classes
    )
    picture = base64.b64encode(_confusion_png(labels, evaluation.confusion)).decode("ascii")
    return (
        '<section><h2>Class by class</h2><div class="two"><div>'
        '<div class="wide"><table><tr><th>class</th><th class="n">precision</th><th class="n">recall</th>'
        f'<th class="n">F1</th><th class="n">tweets</th></tr>{rows}</table></div>'
        '<p class="soft" style="margin-top:1rem">Precision: how many of those called so are so. Recall: how many of '
        "those that are so were found.</p></div>"
        f'<img alt="{escape(_confusion_text(labels, evaluation.confusion))}" src="data:image/png;base64,{picture}">'
        "</div></section>"
    )


def _words(labels: Sequence[str], model: Any) -> str:
    groups = "".join(
        f"<div>{_tag(label)}<br>{''.join(f'<code>{escape(word)}</code>' for word in words)}</div>"
        for label, words in _telling_words(labels, model)
    )
    if not groups:
        return ""
    return (
        "<section><h2>What tells</h2>"
        '<p class="soft">The words and pairs that weigh most for each class, with their endings cut off. _ticker_, '
        "_rise_ and _percent_ stand for any share, any rise in percent and any other percentage.</p>"
        f'<div class="words">{groups}</div></section>'
    )


def _telling_words(labels: Sequence[str], model: Any) -> Iterable[tuple[str, list[str]]]:
    weights = getattr(model.classifier, "coef_", None)
    if weights is None:
        return
    names = model.vectorizer.get_feature_names_out()
    for label in labels:
        row = weights[list(model.classifier.classes_).index(label)]
        yield label, [str(names[index]) for index in np.argsort(-row)[:_SHOWN_WORDS]]


def _mistakes(evaluation: Any) -> str:
    # Bearish taken for bullish, or the other way round, would cost the most.
    ordered = sorted(evaluation.mistakes, key=lambda each: "neutral" in (each.label, each.predicted))
    rows = "".join(
        f'<tr><td class="text">{escape(each.text)}</td><td>{_tag(each.label)}</td><td>{_tag(each.predicted)}</td></tr>'
        for each in ordered[:_SHOWN_MISTAKES]
    )
    return (
        f"<section><h2>Where it errs</h2><p class='soft'>{min(_SHOWN_MISTAKES, len(ordered))} of {len(ordered)} tweets "
        "that it takes for something else, the worst confusions first.</p>"
        f'<div class="wide"><table><tr><th>tweet</th><th>is</th><th>taken for</th></tr>{rows}</table></div></section>'
    )


def _tag(label: str) -> str:
    return f'<span class="tag" style="background:{_COLORS.get(label, "#4a5568")}">{escape(label)}</span>'


def _confusion_text(labels: Sequence[str], confusion: Sequence[Sequence[int]]) -> str:
    rows = (
        f"{label}: " + ", ".join(f"{count} taken for {other}" for other, count in zip(labels, row, strict=True))
        for label, row in zip(labels, confusion, strict=True)
    )
    return "Confusion matrix. " + "; ".join(rows)


def _confusion_png(labels: Sequence[str], confusion: Sequence[Sequence[int]]) -> bytes:
    """The confusion matrix, coloured by the share of each true class."""
    from matplotlib.figure import Figure

    counts = np.array(confusion)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    figure = Figure(figsize=(4.8, 4.3), dpi=200, layout="constrained")
    axes = figure.subplots()
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for row in range(len(labels)):
        for column in range(len(labels)):
            color = "white" if shares[row, column] > 0.5 else "#1a202c"
            axes.text(column, row - 0.1, f"{counts[row, column]:,}", ha="center", va="center", color=color, fontsize=13)
            axes.text(
                column, row + 0.2, f"{shares[row, column]:.0%}", ha="center", va="center", color=color, fontsize=9
            )
    axes.set_xticks(range(len(labels)), labels)
    axes.set_yticks(range(len(labels)), labels, rotation=90, va="center")
    axes.set_xlabel("taken for", color="#5a6577")
    axes.set_ylabel("is", color="#5a6577")
    axes.tick_params(length=0, colors="#1a202c")
    axes.spines[:].set_visible(False)
    axes.set_xticks(np.arange(len(labels) + 1) - 0.5, minor=True)
    axes.set_yticks(np.arange(len(labels) + 1) - 0.5, minor=True)
    axes.grid(which="minor", color="white", linewidth=3)
    axes.tick_params(which="minor", length=0)
    picture = io.BytesIO()
    figure.savefig(picture, format="png")
    return picture.getvalue()


def report_markdown(labels: Sequence[str], trials: Sequence[Any], model: Any, evaluation: Any) -> str:
    """The numbers, for places that show Markdown."""
    lines = [
        "# How financial news sounds",
        "",
        f"Chosen: {model.candidate.name}. Accuracy {evaluation.score.accuracy:.3f}, macro F1 "
        f"{evaluation.score.macro_f1:.3f}.",
        "",
        "| candidate | macro F1, cross-validated |",
        "| --- | ---: |",
        *(f"| {trial.candidate.name} | {trial.macro_f1:.3f} |" for trial in trials),
        "",
        "| class | precision | recall | F1 | tweets |",
        "| --- | ---: | ---: | ---: | ---: |",
        *(f"| {c.label} | {c.precision:.3f} | {c.recall:.3f} | {c.f1:.3f} | {c.support} |" for c in evaluation.classes),
        "",
        "| is, taken for | " + " | ".join(labels) + " |",
        "| --- |" + " ---: |" * len(labels),
        *(
            f"| {label} | " + " | ".join(str(count) for count in row) + " |"
            for label, row in zip(labels, evaluation.confusion, strict=True)
        ),
    ]
    return "\n".join(lines) + "\n"
