"""A graph of ONNX that is put together: nodes and constants of our own, and whole models of others."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from partita.components.extras import need
from partita.compose.compiling.rows import NUMBERS, TEXTS, Columns

__all__ = ["DOMAINS", "FINE_SLACK", "SLACK", "STEPS", "Graph", "Rows", "needed", "quiet"]

#: Sets of operators beside the standard one, with the versions that graphs are made of.
DOMAINS = {"ai.onnx.ml": 3}
#: What runtimes of some age read.
_IR_VERSION = 10
#: Probabilities count as equal within one part of so many: sums of float32 differ by less where they are the same in Python.
STEPS = 2.0**20

#: Thresholds are lower by this in a graph, so that a probability which is one exactly is not below it by rounding to float32.
SLACK = 1e-6
#: The same where members are in double: what saturates lies nearer to a threshold just below 1 than rounding to float32 does.
FINE_SLACK = 1e-12


def needed(module: str) -> Any:
    """A module of the extra.

    Raises:
        MissingExtraError: it is not installed.
    """
    return need(module, "onnx", "compiling to ONNX")


@contextmanager
def quiet() -> Iterator[None]:
    """Exporters warn of what they do themselves; what they make is compared anyway."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


class Rows:
    """Rows inside a graph: the names of the tensors that hold their numbers and their texts."""

    def __init__(self, columns: Columns, numbers: str | None, texts: str | None = None) -> None:
        self.columns, self.numbers, self.texts = columns, numbers, texts

    @classmethod
    def given(cls, columns: Columns) -> Rows:
        """What a graph is called with."""
        return cls(columns, NUMBERS if columns.numbers else None, TEXTS if columns.texts else None)

    @classmethod
    def made(cls, numbers: str) -> Rows:
        """What models have made of rows: columns of numbers, as many as there are."""
        return cls(Columns(()), numbers)

    def some(self, graph: Graph, wanted: str) -> Rows:
        """Those rows where a tensor (rows,) of truth values is true."""

        def kept(tensor: str | None) -> str | None:
            return None if tensor is None else graph.node("Compress", tensor, wanted, axis=0)

        return Rows(self.columns, kept(self.numbers), kept(self.texts))

    def beside(self, graph: Graph, numbers: str) -> Rows:
        """These rows with further columns of numbers behind their own."""
        both = numbers if self.numbers is None else graph.node("Concat", self.numbers, numbers, axis=1)
        return Rows(self.columns, both, self.texts)

    def taken(self, graph: Graph, wanted: Sequence[int]) -> Rows:
        """Some of the columns, in this order."""
        places = [self._place(at) for at in wanted]

        def picked(tensor: str | None, of_texts: bool) -> str | None:
            own = np.array([at for is_text, at in places if is_text == of_texts], dtype=np.int64)
            return None if tensor is None or not len(own) else graph.node("Gather", tensor, graph.constant(own), axis=1)

        columns = Columns(tuple("text" if is_text else "number" for is_text, _ in places))
        return Rows(columns, picked(self.numbers, False), picked(self.texts, True))

    def column(self, graph: Graph, at: int) -> str:
        """(rows, 1) of one column."""
        is_text, place = self._place(at)
        tensor = self.texts if is_text else self.numbers
        assert tensor is not None
        return graph.node("Gather", tensor, graph.constant(np.array([place])), axis=1)

    def _place(self, at: int) -> tuple[bool, int]:
        """Whether a column is of texts, and where it is among those or among the numbers."""
        known = self.columns
        if at >= len(known.kinds):  # it was made, and stands behind all that were given
            return False, len(known.numbers) + at - len(known.kinds)
        is_text = known.kinds[at] == "text"
        return is_text, (known.texts if is_text else known.numbers).index(at)


class Graph:
    """A graph that grows; the values in it go by names."""

    def __init__(self, opset: int, slack: float = SLACK) -> None:
        self.opset, self.slack = opset, slack
        self._onnx = needed("onnx")
        self._nodes: list[Any] = []
        self._constants: list[Any] = []
        self._known: dict[tuple[str, tuple[int, ...], bytes], str] = {}
        self._domains: dict[str, int] = dict(DOMAINS)
        self._count = 0

    def _name(self, stem: str) -> str:
        self._count += 1
        return f"{stem}_{self._count}"

    def node(self, kind: str, *inputs: str, results: int = 1, **attributes: Any) -> str:
        """Add an operator of the standard set; the name of its first result."""
        found = self._name(kind.lower())
        outputs = [found, *(f"{found}_{number}" for number in range(1, results))]
        self._nodes.append(self._onnx.helper.make_node(kind, list(inputs), outputs, name=found, **attributes))
        return found

    def constant(self, value: NDArray[Any]) -> str:
        """The name of a constant tensor; equal ones are there once."""
        value = np.asarray(value)
        is_text = value.dtype.kind in "OUS"
        key = (value.dtype.str, value.shape, repr(value.tolist()).encode() if is_text else value.tobytes())
        if key not in self._known:
            name = self._name("constant")
            if is_text:
                texts = [str(each).encode() for each in value.ravel()]
                tensor = self._onnx.helper.make_tensor(name, self._onnx.TensorProto.STRING, value.shape, texts)
            else:
                tensor = self._onnx.numpy_helper.from_array(value, name)
            self._constants.append(tensor)
            self._known[key] = name
        return self._known[key]

    def cast(self, tensor: str, to: str) -> str:
        """As "float", "double", "int64" or "string"."""
        return self.node("Cast", tensor, to=getattr(self._onnx.TensorProto, to.upper()))

    def largest(self, tensor: str) -> str:
        """(rows,): the place of the largest of (rows, classes); of those that are equal but for rounding the first."""
        steps = self.node("Round", self.node("Mul", tensor, self.constant(np.array(STEPS))))
        return self.node("ArgMax", steps, axis=1, keepdims=0)

    def choose(self, wanted: str, then: Callable[[], str], otherwise: Callable[[], str], dimensions: int) -> str:
        """What `then` makes where `wanted`, one truth value, is true, and else what `otherwise` makes; only one is computed.

        Both make doubles of so many dimensions.
        """
        branches = {"then_branch": self._branch(then, dimensions), "else_branch": self._branch(otherwise, dimensions)}
        return self.node("If", wanted, **branches)

    def _branch(self, make: Callable[[], str], dimensions: int) -> Any:
        outer, self._nodes = self._nodes, []
        try:
            result = self.node("Identity", make())  # a branch gives only what it has made itself
            nodes = self._nodes
        finally:
            self._nodes = outer
        told = self._onnx.helper.make_tensor_value_info(result, self._onnx.TensorProto.DOUBLE, [None] * dimensions)
        return self._onnx.helper.make_graph(nodes, self._name("branch"), [], [told])

    def place(self, model: Any, feeds: Mapping[str, str]) -> dict[str, str]:
        """Put a whole model in.

        Args:
            model: a ModelProto.
            feeds: its inputs -> the values here that they are.

        Returns:
            its outputs -> their names here.

        Raises:
            ValueError: it is made of operators of another version, which cannot be brought to that of this graph.
        """
        model = self._of_this_version(model)
        prefix = self._name("model") + "/"
        placed = self._onnx.compose.add_prefix(model, prefix).graph
        for name, value in feeds.items():
            self._nodes.append(self._onnx.helper.make_node("Identity", [value], [prefix + name]))
        self._nodes.extend(placed.node)
        self._constants.extend(placed.initializer)
        if len(placed.sparse_initializer):
            raise ValueError("it holds sparse constants, which no graph here takes")
        return {output.name: prefix + output.name for output in model.graph.output}

    def _of_this_version(self, model: Any) -> Any:
        if len(model.functions):
            model = self._onnx.inliner.inline_local_functions(model)
        versions = {each.domain: each.version for each in model.opset_import}
        if versions.get("", self.opset) != self.opset:
            try:
                model = self._onnx.version_converter.convert_version(model, self.opset)
            except Exception as error:  # it is raised as it comes
                raise ValueError(
                    f"its operators are of version {versions['']}, and not of {self.opset}: {error}"
                ) from error
        for domain, version in versions.items():
            if domain:
                self._domains[domain] = max(version, self._domains.get(domain, 1))
        return model

    def finish(self, inputs: Columns, outputs: Mapping[str, tuple[str, str, int]]) -> Any:
        """The whole as a ModelProto.

        Args:
            inputs: of the rows that it is called with.
            outputs: name -> the value here, its type as of `cast`, and how many dimensions it has: the first is the rows.
        """
        helper, kinds = self._onnx.helper, self._onnx.TensorProto
        told = []
        for name, columns, kind in ((NUMBERS, inputs.numbers, kinds.DOUBLE), (TEXTS, inputs.texts, kinds.STRING)):
            if columns:
                told.append(helper.make_tensor_value_info(name, kind, ["rows", len(columns)]))
        results = []
        for name, (value, kind, dimensions) in outputs.items():
            self._nodes.append(helper.make_node("Identity", [value], [name]))
            shape = ["rows", *[None] * (dimensions - 1)]
            results.append(helper.make_tensor_value_info(name, getattr(kinds, kind.upper()), shape))
        graph = helper.make_graph(self._nodes, "composition", told, results, self._constants)
        imports = [helper.make_opsetid("", self.opset)]
        imports += [helper.make_opsetid(domain, version) for domain, version in self._domains.items()]
        return helper.make_model(graph, opset_imports=imports, ir_version=_IR_VERSION, producer_name="partita")
