"""Runs and graphs as text and pictures for people, from plain records.

cells.py     text in terminal cells, and made harmless
progress.py  a run while it is watched: its steps in rows
graph.py     steps as nodes: the elements of a map are one
tree.py      as text
mermaid.py   for Markdown
layers.py    where nodes and edges lie in a drawing
lineage_picture.py  what a value came from and what came of it
svg.py       as a picture
outline.py   the steps of a run as boxes in boxes
run_layout.py  what of them is seen, and where it lies
run_graph.py   and as a picture of links
run_times.py   when they ran, and the critical path
run_gantt.py   and as a picture
run_charts.py  how much ran over time; sparklines
picture_style.py  colours and signs of states
charts.py    lines, dots, bars and matrices of numbers as pictures
results.py   what a run gave
record.py    what a worker kept for people of a value, as text
record_html.py  and as HTML
html.py      pieces of HTML
pages.py     runs, steps and graphs as HTML
"""

from __future__ import annotations

from partita.drawing.graph import Graph, build_graph
from partita.drawing.mermaid import mermaid_text
from partita.drawing.svg import svg_text
from partita.drawing.tree import tree_text

__all__ = ["Graph", "build_graph", "mermaid_text", "svg_text", "tree_text"]
