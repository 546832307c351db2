from __future__ import annotations

import math
import re
import struct
import sys
import threading
from collections import Counter, OrderedDict, defaultdict, namedtuple
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from enum import Enum, IntEnum
from pathlib import Path
from typing import Any, Generic, TypeVar
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from partita.artifacts.blobs.folder import FolderBlobs
from partita.artifacts.codecs.encoder import Encoder
from partita.errors import DamagedError, DefinitionError, RefError, ValueStoreError
from partita.values import (
    BLOB,
    DICT,
    INLINE,
    INPUT,
    LIST,
    OBJECT,
    OUTCOME,
    PLAIN,
    REF,
    SELECT,
    TUPLE,
    blobs_of,
    navigate,
    pack,
    unpack,
)  # fmt: skip

T = TypeVar("T")
KEY = b"k" * 32


class Color(Enum):
    RED = "red"


class Level(IntEnum):
    LOW = 1


class Text(str):
    pass


Pair = namedtuple("Pair", "left right")


@dataclass
class Point:
    x: Any
    y: Any = 0


@dataclass(frozen=True, slots=True)
class Frozen:
    name: str
    inner: Any


@dataclass
class Checked:
    value: int

    def __post_init__(self) -> None:
        raise AssertionError("decoding does not construct")


@dataclass
class Box(Generic[T]):
    content: T


@dataclass
class WithExtras:
    a: int
    hidden: int = field(default=0, init=False, repr=False)


@dataclass
class Listed(list):  # type: ignore[type-arg]
    label: str = ""


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Encoder:
    return Encoder(FolderBlobs(tmp_path_factory.mktemp("blobs")), KEY)


def round_trip(encoder: Encoder, value: Any) -> Any:
    """Through bytes, and opened by an encoder that has seen nothing."""
    node = unpack(pack(encoder.encode(value)))
    return Encoder(encoder.blobs, KEY).decode(node)


def same(left: Any, right: Any) -> bool:
    """Equal, and of equal types, down to the bits of floats."""
    if type(left) is not type(right):
        return False
    if isinstance(left, float):
        return struct.pack("d", left) == struct.pack("d", right)
    if isinstance(left, complex):
        return same(left.real, right.real) and same(left.imag, right.imag)
    if isinstance(left, dict):
        return len(left) == len(right) and all(
            same(a, b) and same(x, y) for (a, x), (b, y) in zip(left.items(), right.items(), strict=True)
        )
    if isinstance(left, (list, tuple)):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, (Point, Frozen, Box)):
        return all(same(getattr(left, name), getattr(right, name)) for name in left.__dataclass_fields__)
    return bool(left == right)


scalars = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=20) | st.binary(max_size=20)
    | st.complex_numbers() | st.decimals(allow_nan=False) | st.uuids() | st.dates() | st.timedeltas()
    | st.datetimes(timezones=st.none() | st.just(UTC) | st.just(timezone(timedelta(hours=-3, minutes=7))))
    | st.sampled_from([Color.RED, Level.LOW, Text("sub"), True, -0.0, math.inf, 2**64, -(2**63) - 1, Path("a/b"), int, len])
)  # fmt: skip
keys = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5) | st.binary(max_size=5)
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=5) | st.tuples(inner, inner) | st.dictionaries(keys, inner, max_size=5)
    | st.dictionaries(st.text(max_size=5), inner, max_size=5) | st.builds(Point, inner, inner)
    | st.builds(Frozen, st.text(max_size=5), inner) | st.sets(st.integers(), max_size=3) | st.builds(Pair, inner, inner)
    | st.builds(Box, inner),
    max_leaves=25,
)  # fmt: skip


@given(values)
@settings(max_examples=300, deadline=None)
def test_what_goes_in_comes_out(encoder: Encoder, value: Any) -> None:
    assert same(value, round_trip(encoder, value))


@pytest.mark.parametrize(
    "value",
    [
        (), [], {}, "", b"", set(), frozenset(), ((),), [[]], {"": {}}, math.nan, "\ud800 alone", "a\0b", "\U0001f600", 10**400,
        bytearray(b"x"), range(3), slice(1, 2), ..., NotImplemented, Counter("aab"), OrderedDict(b=1, a=2),
        defaultdict(list, a=[1]), {(1, 2): "tuple"}, {1: 1, "1": 2, None: 3, 1.5: 4}, [1, "a", None, b"b"], {"a": (1, [2, (3,)])},
        b"x" * 10_000, "é" * 10_000, list(range(10_000)), {str(n): n for n in range(5000)}, {n: n for n in range(5000)},
        tuple(range(5000)), [(n, str(n)) for n in range(3000)], Decimal("1.10"), UUID(int=5), timedelta(days=-1, microseconds=1),
        date(2020, 2, 29), datetime(2020, 1, 1, tzinfo=UTC), Path("/tmp/é\udc80"), Listed("label"), re.compile("a+"),
    ],
    ids=lambda value: repr(value)[:30],
)  # fmt: skip
def test_special_values_come_back(encoder: Encoder, value: Any) -> None:
    assert same(value, round_trip(encoder, value))


def test_a_dataclass_is_stored_field_by_field_and_made_without_its_init(encoder: Encoder) -> None:
    value = object.__new__(Checked)
    value.value = 3
    node = encoder.encode(value)
    assert node[0] == OBJECT and node[2:] == [["value"], [[PLAIN, 3]]]
    assert round_trip(encoder, value).value == 3


def test_what_a_dataclass_holds_beside_its_fields_comes_back(encoder: Encoder) -> None:
    value = WithExtras(1)
    value.hidden = 4
    value.more = "attribute"  # type: ignore[attr-defined]
    back = round_trip(encoder, value)
    assert vars(back) == {"a": 1, "hidden": 4, "more": "attribute"}


def test_a_local_class_travels_with_its_code(encoder: Encoder) -> None:
    @dataclass
    class Local:
        a: int

    assert round_trip(encoder, {"x": Local(5)})["x"].a == 5


def test_functions_and_lambdas_come_back(encoder: Encoder) -> None:
    offset = 3
    assert round_trip(encoder, [lambda x: x + offset])[0](4) == 7
    assert round_trip(encoder, math.sqrt) is math.sqrt


def test_an_object_in_two_places_is_still_one(encoder: Encoder) -> None:
    shared = [1]
    back = round_trip(encoder, {"a": shared, "b": (shared, Point(shared))})
    assert back["a"] is back["b"][0] is back["b"][1].x


def test_cycles_come_back(encoder: Encoder) -> None:
    cycle: list[Any] = [1]
    cycle.append({"self": cycle})
    back = round_trip(encoder, cycle)
    assert back[1]["self"] is back
    point = Point(1)
    point.y = point
    again = round_trip(encoder, (point,))[0]
    assert again.y is again


def test_deep_and_wide_structures_come_back(encoder: Encoder) -> None:
    deep: Any = 0
    for _ in range(150):
        deep = [deep]
    assert round_trip(encoder, deep) == deep
    wide = [{"a": (n, str(n)), "b": [n]} for n in range(900)]
    assert round_trip(encoder, wide) == wide
    branching: Any = ()
    for _ in range(60):
        branching = (branching, branching)
    assert round_trip(encoder, branching)[0][1] is not None


def test_what_is_too_deep_says_so(encoder: Encoder) -> None:
    deep: Any = 0
    for _ in range(100_000):
        deep = (deep,)
    with pytest.raises(ValueStoreError, match=r"cannot be stored.*deep|deep.*cannot be stored"):
        encoder.encode(deep)


def test_small_plain_values_lie_in_the_node(encoder: Encoder) -> None:
    value = {"a": [1, 2.5, None, True, "x", b"y"]}
    assert encoder.encode(value) == [PLAIN, value]
    assert encoder.encode(3) == [PLAIN, 3]


def test_the_structure_shows_so_that_a_part_can_be_taken(encoder: Encoder) -> None:
    node = encoder.encode({"model": Point(Color.RED, b"x" * 5000), "scores": (1, 2), "more": [Path("a"), 1]})
    assert node[0] == DICT and node[1] == ["model", "scores", "more"]
    assert navigate(node, ("scores", 1)) == ([PLAIN, 2], ())
    reached, rest = navigate(node, ("model", "y"))
    assert rest == () and reached[:2] == [BLOB, "bytes"]
    assert encoder.decode(reached) == b"x" * 5000
    assert node[2][1][0] == TUPLE and node[2][2][0] == LIST


def test_large_dicts_are_stored_part_by_part_and_large_lists_whole(encoder: Encoder) -> None:
    assert encoder.encode({"a": "x" * 5000, "b": 1})[0] == DICT
    assert encoder.encode(["x" * 5000, 1])[:2] == [BLOB, "msgpack"]
    assert encoder.encode("x" * 5000)[:2] == [BLOB, "text"]


def test_a_declared_structure_may_have_more_parts(encoder: Encoder) -> None:
    value = {f"k{n}": Color.RED for n in range(1001)} | {"big": b"x" * 5000}
    assert encoder.encode(value)[0] == BLOB
    assert encoder.encode({n: n for n in range(1500)}, dict[int, int])[0] == DICT


def test_a_row_stays_small_however_many_parts_there_are(encoder: Encoder) -> None:
    node = encoder.encode({f"k{n}": "y" * 900 for n in range(900)})
    assert len(pack(node)) < 5000
    node = encoder.encode(tuple("y" * 900 + str(n) for n in range(900)))
    assert len(pack(node)) < 5000


def test_parts_stored_alike_are_kept_once(encoder: Encoder) -> None:
    node = encoder.encode((b"z" * 9000, bytearray(b"q" * 9000), b"z" * 8999 + b"z"))
    blobs = blobs_of(node)
    assert len(blobs) == 3 and len(set(blobs)) == 2


# Nodes that are not values of their own.


def test_inputs_refs_selections_and_outcomes_are_opened(encoder: Encoder) -> None:
    opening = Encoder(encoder.blobs, KEY, outcome=lambda is_ok, value, error: (is_ok, value, error))
    pickled = encoder.encode(OrderedDict(a=[Color.RED, Point(1, 2)]))
    node = [
        LIST,
        [
            [INPUT, 0], [REF, 7, ["a", 0]], [SELECT, pickled, ["a", 1, "y"]], [OUTCOME, True, [PLAIN, 4], None],
            [OUTCOME, False, None, {"type": "ValueError"}],
        ],
    ]  # fmt: skip
    opened = opening.decode(node, inputs=[[TUPLE, [[PLAIN, 1]]]], ref=lambda step, path: ("ref", step, tuple(path)))
    assert opened == [(1,), ("ref", 7, ("a", 0)), 2, (True, 4, None), (False, None, {"type": "ValueError"})]


@pytest.mark.parametrize(
    ("node", "message"),
    [
        ([REF, 3, []], "only a promise"), ([INPUT, 0], "without it"), ([OUTCOME, True, [PLAIN, 1], None], "Outcome"),
        ([77, 1], "does not know"), ([INLINE, "zip", b"", ""], "does not know"), ([INLINE, "msgpack", b"\xc1", ""], "cannot be read"),
        ([SELECT, [PLAIN, {"a": 1}], ["b"]], "no such part"), ([OBJECT, "math:nothing", [], []], "not there"),
        ([OBJECT, "no_such_module:X", [], []], "cannot be imported"), ([OBJECT, "math:sqrt", ["a"], [[PLAIN, 1]]], "dataclass"),
        ([BLOB, "npy", "../../etc/passwd", 5, ""], "not the hash"), ([BLOB, "npy", "0" * 64, 5, ""], "cannot be read"),
    ],
)  # fmt: skip
def test_nodes_that_cannot_be_opened_say_why(encoder: Encoder, node: list[Any], message: str) -> None:
    with pytest.raises(ValueStoreError, match=message):
        encoder.decode(node)


def test_a_dataclass_that_has_changed_since(encoder: Encoder) -> None:
    reference = f"{__name__}:Point"
    assert encoder.decode([OBJECT, reference, ["x"], [[PLAIN, 1]]]) == Point(1, 0)
    with pytest.raises(ValueStoreError, match="no default"):
        encoder.decode([OBJECT, reference, ["y"], [[PLAIN, 1]]])
    with pytest.raises(ValueStoreError, match="gone"):
        encoder.decode([OBJECT, f"{__name__}:Frozen", ["name", "inner", "gone"], [[PLAIN, 1]] * 3])


# Pickles.


def test_a_pickle_signed_with_another_key_is_not_opened(encoder: Encoder) -> None:
    node = Encoder(encoder.blobs, b"another key").encode(Exploding())
    with pytest.raises(DamagedError, match="not signed"):
        encoder.decode(node)


def test_a_changed_pickle_is_not_opened(encoder: Encoder) -> None:
    node = encoder.encode(OrderedDict(a=1))
    node[2] = node[2][:-3] + bytes([node[2][-3] ^ 1]) + node[2][-2:]
    with pytest.raises(DamagedError, match="not signed"):
        encoder.decode(node)


class Exploding:
    def __reduce__(self) -> Any:
        return (_explode, ())


def _explode() -> None:
    raise OSError("boom")


def test_a_pickle_whose_code_fails_says_so(encoder: Encoder) -> None:
    with pytest.raises(ValueStoreError, match="OSError: boom"):
        encoder.decode(encoder.encode([Exploding()]))


def _generator() -> Any:
    yield 1


async def _coroutine() -> int:
    return 1


class Holder:
    def __init__(self, item: Any) -> None:
        self.item = item


@pytest.mark.parametrize(
    ("make", "path", "remedy"),
    [
        (lambda: _generator(), "it is of type generator", "return list"),
        (lambda: {"a": [1, _generator()]}, r"part \['a'\]\[1\] is of type generator", "return list"),
        (lambda: (threading.Lock(),), r"part \[0\] is of type _thread.lock", "make it inside the task"),
        (lambda: Holder({"k": threading.RLock()}), r"part \.item\['k'\] is of type _thread.RLock", "make it inside"),
        (lambda: Point(1, map(str, _generator())), r"part \.y is of type map", "return list"),
        (lambda: memoryview(b"abc"), "it is of type memoryview", "bytes"),
        (lambda: __import__("sqlite3").connect(":memory:"), "sqlite3.Connection", "make it inside"),
        (lambda: __import__("socket").socket(), "it is of type socket.socket", "make it inside"),
    ],
)  # fmt: skip
def test_what_cannot_be_stored_says_which_part_and_what_to_do(
    encoder: Encoder, make: Callable[[], Any], path: str, remedy: str
) -> None:
    value = make()
    try:
        with pytest.raises(ValueStoreError, match=path) as caught:
            encoder.encode(value)
        assert remedy in str(caught.value)
    finally:
        close = getattr(value, "close", None)
        if close is not None:
            close()


def test_a_coroutine_cannot_be_stored(encoder: Encoder) -> None:
    coroutine = _coroutine()
    with pytest.raises(ValueStoreError, match="await"):
        encoder.encode({"later": coroutine})
    coroutine.close()


@pytest.mark.parametrize("mode", ["r", "rb", "w"])
def test_an_open_file_cannot_be_stored(encoder: Encoder, tmp_path: Path, mode: str) -> None:
    (tmp_path / "file").write_text("text")
    with open(tmp_path / "file", mode) as file, pytest.raises(ValueStoreError, match="the file's path"):
        encoder.encode(Holder(file))


def test_an_error_of_ours_while_pickling_passes(encoder: Encoder) -> None:
    with pytest.raises(RefError, match="promise"):
        encoder.encode([Promise()])


class Promise:
    def __reduce__(self) -> Any:
        raise RefError("a promise was pickled")


class Hostile:
    def __repr__(self) -> str:
        raise RuntimeError("no repr")

    def __eq__(self, other: object) -> bool:
        raise RuntimeError("no comparison")

    __hash__ = None  # type: ignore[assignment]


def test_hostile_objects_are_stored(encoder: Encoder) -> None:
    node = encoder.encode([Hostile()])
    assert "Hostile" in node[1][0][3]
    assert isinstance(encoder.decode(node)[0], Hostile)


# Classes of scripts, which have another module name in every process.


def test_classes_of_scripts_travel_by_the_name_of_their_file(encoder: Encoder) -> None:
    source = (
        "from dataclasses import dataclass\n@dataclass\nclass Config:\n    rate: float\n"
        "class Model:\n    pass\ndef score(x):\n    return x + 1\n"
    )

    def script(name: str) -> Any:
        module = type(sys)(name)
        module.__partita_file__ = "flows/train.py"  # type: ignore[attr-defined]
        sys.modules[name] = module
        exec(source, module.__dict__)
        return module

    here, there = script("partita_script_train_here"), script("partita_script_train_there")
    writer = Encoder(encoder.blobs, KEY, locate=lambda item: f"flows/train.py:{item.__qualname__}")
    reader = Encoder(encoder.blobs, KEY, load=lambda reference: getattr(there, reference.partition(":")[2]))
    node = writer.encode((here.Config(0.5), here.Model(), [here.score, here.Model]))
    assert node[1][0][:2] == [OBJECT, "flows/train.py:Config"]
    config, model, (score, model_type) = reader.decode(unpack(pack(node)))
    assert type(config) is there.Config and config.rate == 0.5
    assert type(model) is there.Model and score is there.score and model_type is there.Model


def test_what_locate_refuses_travels_with_its_code(encoder: Encoder) -> None:
    def refuse(item: object) -> str:
        raise DefinitionError("interactive")

    module = type(sys)("partita_script_interactive")
    module.__partita_file__ = "x.py"  # type: ignore[attr-defined]
    sys.modules["partita_script_interactive"] = module
    exec("class Model:\n    rate = 3\n", module.__dict__)
    module.Model.__module__ = "__main__"  # as if typed into a notebook
    node = Encoder(encoder.blobs, KEY, locate=refuse).encode(module.Model())
    assert encoder.decode(node).rate == 3
