"""From a fitted composition to one graph, or to a composition of which parts are graphs."""

from __future__ import annotations

from typing import Any

from sklearn.base import is_classifier, is_regressor
from sklearn.utils.validation import check_is_fitted

from partita.compose.compiling.assembly import drawn_of
from partita.compose.compiling.borders import compared_with
from partita.compose.compiling.compiled import Compiled
from partita.compose.compiling.graph import FINE_SLACK, SLACK, needed
from partita.compose.compiling.joins import joining_of
from partita.compose.compiling.members import members_of, seen_by
from partita.compose.compiling.mixed import Mixed
from partita.compose.compiling.parity import Answers, Parity, answers_of, compared, is_most_probable
from partita.compose.compiling.parts import NotJoined
from partita.compose.compiling.report import Line, Report, Trial
from partita.compose.compiling.rows import Columns
from partita.compose.compiling.runner import Drawn, Runner
from partita.compose.compiling.smaller import smaller
from partita.compose.compiling.steps import key_of
from partita.compose.members import rows_of

__all__ = ["compile_onnx"]

#: The first version of ONNX's operators that compares texts, and takes all axes as inputs.
_OLDEST = 19


def compile_onnx(
    composition: Any,
    rows: Any,
    y: Any = None,
    *,
    tolerance: float = 1e-5,
    hybrid: bool = True,
    quantise: str | None = None,
    prune: float | None = None,
    loss: float = 0.01,
    opset: int = 21,
    threads: int = 1,
    measure: bool = True,
) -> Compiled:
    """Make one ONNX graph of a fitted composition, and compare it with Python before anybody may use it.

    Members are exported one by one and compared; then they are joined by weights, votes, thresholds or a final model, and
    the whole is compared. What cannot be exported, or predicts otherwise as a graph, stays in Python, and `report` says why:
    then the composition is joined in Python, of graphs and models.

    Args:
        composition: of `partita.compose`, pipelines and searches around and in it included; or any fitted estimator.
        rows: (rows, features) to compare on: real ones, as many as can be had, and not those that it was fitted on alone.
        y: (rows,) of what is true of them: accuracies in the report are by it; default: by what Python predicts.
        tolerance: up to which probabilities may differ; values larger than 1 by so much of themselves.
        hybrid: whether members may stay in Python; if not, one that would have to is an error.
        quantise: "int8": weights of products of matrices become whole numbers of 8 bits.
        prune: the share of weights in products of matrices, the smallest of each, that become 0.
        loss: of accuracy (of a regression: of the coefficient of determination) that quantising and pruning may cost at most.
        opset: the version of ONNX's operators.
        threads: that the graph runs in; for single rows one is the fastest.
        measure: whether latencies are measured, which takes some seconds.

    Raises:
        ParityError: the graph does not predict what Python does, or loses more than `loss`.
        ValueError: it is not fitted, nothing of it can be exported, or a parameter is wrong.
        MissingExtraError: ONNX and its runtime are not installed.
    """
    if not (is_classifier(composition) or is_regressor(composition)):
        raise ValueError("what is compiled is a classifier or a regressor, or a composition of such")
    check_is_fitted(composition)
    if quantise not in (None, "int8"):
        raise ValueError(f'quantise is "int8" or None, and not {quantise!r}')
    if prune is not None and not 0 < prune < 1:
        raise ValueError(f"prune is a share above 0 and below 1, and not {prune!r}")
    if not 0 <= tolerance < float("inf"):
        raise ValueError(f"tolerance is a number of 0 or more, and not {tolerance!r}")
    for module in ("onnx", "onnxruntime", "skl2onnx"):
        needed(module)
    newest = needed("skl2onnx").__max_supported_opset__
    if not _OLDEST <= opset <= newest:
        raise ValueError(f"opset is a whole number from {_OLDEST} to {newest}, and not {opset!r}")
    rows = rows if hasattr(rows, "iloc") else rows_of(rows)
    python = answers_of(composition, rows)
    compiler, model, parity = _compiled(composition, rows, python, tolerance, (opset, threads), hybrid)
    trial = Trial(rows, y, python, measure)
    variants = [trial.variant("Python", composition, None), trial.variant("float", model, parity)]
    if quantise is not None or prune is not None:
        compiler.need_whole()
        model = Runner(smaller(model.drawn, quantise is not None, prune), threads)
        told = compared(python, answers_of(model, rows), tolerance)
        name = " and ".join([*(["pruned"] if prune is not None else []), *([quantise] if quantise else [])])
        variants.append(trial.variant(name, model, told))
        variants[-1].need(variants[-2], loss, told)
    return Compiled(model, Report(tuple(compiler.lines()), compiler.joined, parity, tuple(variants)))


def _compiled(
    composition: Any, rows: Any, python: Answers, tolerance: float, options: tuple[int, int], hybrid: bool
) -> tuple[_Compiler, Any, Parity]:
    """What predicts as Python does; of several ways the first.

    Raises:
        ParityError: none does.
    """
    tried = []
    # In float32 first, which is faster, and is right unless trees stand on top of it, or probabilities that are all but 1.
    for is_precise, slack in ((False, SLACK), (True, SLACK), (True, FINE_SLACK)):
        compiler = _Compiler(composition, rows, tolerance, *options, is_precise, slack)
        if not hybrid:
            compiler.need_whole()
        model = compiler.made(is_most_probable(composition, python))
        told = answers_of(model, rows)
        parity = compared(python, told, tolerance)
        if parity.holds:
            return compiler, model, parity
        tried.append((compiler, model, told))
    for compiler, model, told in tried[1:]:
        parity = compared_with(composition, rows, python, told, tolerance)
        if parity.holds:
            return compiler, model, parity
    compared(python, tried[1][2], tolerance).need(tried[1][0].blamed())
    raise AssertionError("what does not hold is told")


class _Compiler:
    """The members of a composition, and what is made of them."""

    def __init__(
        self, composition: Any, rows: Any, tolerance: float, opset: int, threads: int, is_precise: bool, slack: float
    ) -> None:
        self._composition, self._rows, self._opset, self._threads = composition, rows, opset, threads
        self._tolerance, self._slack = tolerance, slack
        self._columns = Columns.of(rows)
        self._members = list(members_of("", composition, rows, self._columns, tolerance, opset, is_precise))
        self._exports = {key_of(each.model): each.exported for each in self._members if each.exported is not None}
        if not self._exports:
            raise ValueError(f"nothing of it can be a graph of ONNX: {self._left()}")
        self._whole: Drawn | None = None
        self.joined = "in one graph"  # where the members are joined, in words
        try:
            self._whole = self._drawn(composition, self._columns)
        except NotJoined as error:
            self.joined = f"in Python: {error}"

    def _drawn(self, model: Any, columns: Columns) -> Drawn:
        return drawn_of(model, columns, self._exports, self._opset, self._slack)

    def _left(self) -> str:
        return "; ".join(f"{each.name}: {each.why}" for each in self._members if each.exported is None)

    def need_whole(self) -> None:
        """
        Raises:
            ValueError: some of it stays in Python.
        """
        if self._whole is None:
            raise ValueError(f"it is no one graph of ONNX: {self._left() or self.joined}")

    def lines(self) -> list[Line]:
        """What became of each member."""
        return [
            Line(each.name, "ONNX" if each.exported is not None else "Python", each.why, each.parity)
            for each in self._members
        ]

    def made(self, is_most_probable: bool) -> Any:
        """One graph; else the composition, of graphs and what stays in Python."""
        if self._whole is not None:
            return Runner(self._whole, self._threads)
        return Mixed(self._mixed(self._composition, self._rows, self._columns), is_most_probable)

    def _mixed(self, model: Any, rows: Any, columns: Columns) -> Any:
        joining = joining_of(model)
        try:
            return Runner(self._drawn(model, columns), self._threads)
        except NotJoined:
            if joining is None:
                return model
        parts = joining.parts(model, rows)
        return joining.replaced(
            model, [self._mixed(each.model, each.rows, seen_by(each, rows, columns)) for each in parts]
        )

    def blamed(self) -> str:
        """Whose graph is off: of a part that is, or else the whole, whose parts are right."""
        joining = joining_of(self._composition)
        for part in joining.parts(self._composition, self._rows) if joining is not None else []:
            columns = seen_by(part, self._rows, self._columns)
            told = answers_of(self._mixed(part.model, part.rows, columns), part.rows)
            if not compared(answers_of(part.model, part.rows), told, self._tolerance).holds:
                return part.name
        return "the composition as it is joined (its members are right)"
