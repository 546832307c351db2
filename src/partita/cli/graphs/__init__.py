"""A flow's graph before it runs, for people.

model.py     steps as nodes: the elements of a map are one
tree.py      as text
mermaid.py   for Markdown
layers.py    where nodes and edges lie in a drawing
svg.py       as a picture
"""

from __future__ import annotations

from partita.cli.graphs.mermaid import mermaid_text
from partita.cli.graphs.model import Graph, build_graph
from partita.cli.graphs.svg import svg_text
from partita.cli.graphs.tree import tree_text

__all__ = ["Graph", "build_graph", "mermaid_text", "svg_text", "tree_text"]
