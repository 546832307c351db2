"""Compositions as graphs of ONNX.

compiler.py   from a fitted composition to what is used
members.py    its single models, each exported and compared
exports.py    single models as graphs, by the libraries that know how
torch_modules.py  those of PyTorch
joins.py      how compositions are joined of their parts, in a table
chains.py     chains; routes.py: routes; calibrators.py: calibrated classifiers of scikit-learn
parts.py      what parts and joinings are
assembly.py   all of that in one graph
graph.py      a graph that is put together
rows.py       what rows look like to a graph
steps.py      pipelines in two parts, and models of which one method is asked
asked.py      methods of models that are exported beside their predictions
mixed.py      compositions of graphs and models in Python
runner.py     a graph that predicts
parity.py     whether it predicts what Python does
borders.py    rows near a threshold, which may fall on its other side
smaller.py    quantised and pruned graphs
report.py     what became of it, in tables
compiled.py   what is used, saved and read back
"""

from __future__ import annotations

from partita.compose.compiling.compiled import Compiled, load_compiled
from partita.compose.compiling.compiler import compile_onnx
from partita.compose.compiling.parity import Parity, ParityError
from partita.compose.compiling.report import Line, Report, Variant

__all__ = ["Compiled", "Line", "Parity", "ParityError", "Report", "Variant", "compile_onnx", "load_compiled"]
