from __future__ import annotations

import importlib
import itertools
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from partita.artifacts.code.fingerprint import Fingerprinter
from partita.artifacts.code.origins import distribution_of

_numbers = itertools.count()

Load = Callable[..., Any]


@pytest.fixture
def load(tmp_path: Path) -> Iterator[Load]:
    """Writes modules into a project of its own, imports `main`, and gives it and the project's folder."""
    before_path, before_modules = list(sys.path), set(sys.modules)

    def forget() -> None:
        for name in set(sys.modules) - before_modules:
            module = sys.modules[name]
            if str(tmp_path) in f"{getattr(module, '__file__', '')} {getattr(module, '__path__', '')}":
                del sys.modules[name]

    def write(main: str, **others: str) -> Any:
        folder = tmp_path / f"project{next(_numbers)}"
        for name, text in {"main": main, **others}.items():
            file = folder / f"{name}.py"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(textwrap.dedent(text))
        forget()
        sys.path[:] = [str(folder), *before_path]
        importlib.invalidate_caches()
        return importlib.import_module("main")

    yield write
    sys.path[:] = before_path
    forget()


def fingerprint(module: Any, name: str = "work", bundle: str = "one bundle") -> str:
    return Fingerprinter(Path(module.__file__).parent, bundle).of(getattr(module, name))


def explained(module: Any) -> list[str]:
    return Fingerprinter(Path(module.__file__).parent, "one bundle").explain(module.work)


def is_seen_through(module: Any) -> bool:
    return "bundle" not in explained(module)


SAME = {
    "comments and formatting": ("def work(x):\n    return x + 1\n", "# note\n\n\ndef work( x ):  # more\n\n    return (x\n      + 1)\n"),
    "docstrings": ("def work(x):\n    return x\n", 'def work(x):\n    """Says much."""\n    return x\n'),
    "a docstring of a class": (
        "class A:\n    y = 1\ndef work(x):\n    return A\n", 'class A:\n    """Doc."""\n    y = 1\ndef work(x):\n    return A\n',
    ),
    "what it does not reach": ("def other():\n    return 1\ndef work(x):\n    return x\n", "def other():\n    return 2\ndef work(x):\n    return x\n"),
    "a constant it does not name": ("RATE = 1\ndef work(x):\n    return x\n", "RATE = 2\ndef work(x):\n    return x\n"),
    "options of a task": (
        "from partita.flow.task import task\n@task(retries=1)\ndef work(x: int) -> int:\n    return x\n",
        "from partita.flow.task import task\n@task(retries=5, priority=2)\ndef work(x: int) -> int:\n    return x\n",
    ),
    "where the project lies": (
        "from pathlib import Path\nHERE = Path(__file__).parent\nTEXT = str(HERE)\ndef work(x):\n    return HERE, TEXT, __file__\n",
    ) * 2,
    "the order of sets": ("S = {'a', 'b', 'c'}\ndef work(x):\n    return S\n", "S = {'c', 'b', 'a'}\ndef work(x):\n    return S\n"),
    "a local variable that is called like a global": (
        "y = object()\ndef work(x):\n    y = 1\n    return y\n", "y = [object()]\ndef work(x):\n    y = 1\n    return y\n",
    ),
    "loggers and locks": (
        "import logging, threading\nlog = logging.getLogger('a')\nlock = threading.Lock()\ndef work(x):\n    log.info(x), lock\n",
    ) * 2,
}  # fmt: skip


@pytest.mark.parametrize("pair", SAME.values(), ids=SAME.keys())
def test_what_does_not_matter(load: Load, pair: tuple[str, str]) -> None:
    first = load(pair[0])
    before = fingerprint(first)
    assert is_seen_through(first)
    assert fingerprint(load(pair[1])) == before


DIFFERENT = {
    "its own code": ("def work(x):\n    return x + {}\n",),
    "a default": ("R = {}\ndef work(x, rate=R):\n    return x\n",),
    "a keyword default": ("def work(x, *, rate={}):\n    return x\n",),
    "a function it calls": ("def inner():\n    return {}\ndef work(x):\n    return inner()\n",),
    "a function two calls away": ("def a():\n    return {}\ndef b():\n    return a()\ndef work(x):\n    return b()\n",),
    "a function that it passes on": ("def a(v):\n    return {}\ndef work(xs):\n    return list(map(a, xs))\n",),
    "a constant": ("RATE = {}\ndef work(x):\n    return x * RATE\n",),
    "a constant in a list": ("RATES = [0, ({}, 'a')]\ndef work(x):\n    return RATES\n",),
    "the order of a list": ("A, B = ('a', 'b') if {} == 1 else ('b', 'a')\nALL = [A, B]\ndef work(x):\n    return ALL\n",),
    "which constant has which name": ("A, B = ({}, 3 - {})\ndef work(x):\n    return A - B\n",),
    "a table of functions": ("def f(): return {}\nTABLE = {{'f': f}}\ndef work(x):\n    return TABLE[x]()\n",),
    "which function has which key": (
        "def f(): return 1\ndef g(): return 2\nTABLE = {{'f': f, 'g': g}} if {} == 1 else {{'f': g, 'g': f}}\ndef work(x):\n    return TABLE[x]\n",
    ),
    "a registry": (
        "R = dict()\ndef register(f):\n    R[f.__name__] = f\n    return f\n@register\ndef a():\n    return {}\ndef work(x):\n    return R[x]()\n",
    ),
    "a method of a class it makes": ("class A:\n    def m(self):\n        return {}\ndef work(x):\n    return A().m()\n",),
    "a class attribute": ("class A:\n    rate = {}\ndef work(x):\n    return A.rate\n",),
    "a base class": ("class A:\n    rate = {}\nclass B(A):\n    pass\ndef work(x):\n    return B()\n",),
    "a function that a method calls": ("def f():\n    return {}\nclass A:\n    def m(self):\n        return f()\ndef work(x):\n    return A()\n",),
    "the class of a parameter": ("class A:\n    def m(self):\n        return {}\ndef work(x: 'A'):\n    return x.m()\n",),
    "the class in a list of results": ("class A:\n    v = {}\ndef work(x) -> 'list[A]':\n    return x\n",),
    "a decorator": (
        "import functools\ndef twice(f):\n    @functools.wraps(f)\n    def inner(x):\n        return f(x) * {}\n    return inner\n@twice\ndef work(x):\n    return x\n",
    ),
    "what is under a decorator": (
        "import functools\ndef twice(f):\n    @functools.wraps(f)\n    def inner(x):\n        return f(x)\n    return inner\n@twice\ndef work(x):\n    return x + {}\n",
    ),
    "the argument of a decorator": ("def scale(k):\n    def d(f):\n        return lambda x: f(x) * k\n    return d\n@scale({})\ndef work(x):\n    return x\n",),
    "a closure": ("def make(k):\n    def work(x):\n        return x + k\n    return work\nwork = make({})\n",),
    "a function in a closure": ("def f():\n    return {}\ndef make(k):\n    def work(x):\n        return k()\n    return work\nwork = make(f)\n",),
    "a nested function": ("def g():\n    return {}\ndef work(x):\n    def inner():\n        return g()\n    return inner()\n",),
    "a lambda": ("work = lambda x: x + {}\n",),
    "a cached function": ("import functools\n@functools.lru_cache\ndef f():\n    return {}\ndef work(x):\n    return f()\n",),
    "a partial": ("import functools\ndef f(k):\n    return k\ng = functools.partial(f, {})\ndef work(x):\n    return g()\n",),
    "a partial's function": ("import functools\ndef f(k):\n    return {}\ng = functools.partial(f, 3)\ndef work(x):\n    return g()\n",),
    "a dataclass instance": (
        "from dataclasses import dataclass\n@dataclass\nclass C:\n    rate: int\nC1 = C({})\ndef work(x):\n    return C1.rate\n",
    ),
    "an enum": ("import enum\nclass E(enum.Enum):\n    A = {}\ndef work(x):\n    return E.A\n",),
    "a member of an enum": ("import enum\nclass E(enum.Enum):\n    A = 1\n    B = 2\nM = E({})\ndef work(x):\n    return M\n",),
    "a named tuple's fields": ("import collections\nP = collections.namedtuple('P', 'a b{}')\ndef work(x):\n    return P\n",),
    "a pattern": ("import re\nP = re.compile('a' * 300 + '{}')\ndef work(x):\n    return P.match(x)\n",),
    "an array": ("import numpy as np\nA = np.zeros(2000)\nA[1000] = {}\ndef work(x):\n    return A\n",),
    "another task": (
        "from partita.flow.task import task\n@task\ndef inner(x: int) -> int:\n    return {}\n@task\ndef work(x: int) -> int:\n    return inner(x)\n",
    ),
    "a bound method": ("class A:\n    def m(self, x):\n        return {}\nm = A().m\ndef work(x):\n    return m(x)\n",),
    "an exception group's handler": ("class E(Exception):\n    code = {}\ndef work(x):\n    try:\n        return x\n    except E:\n        return 0\n",),
    "one of two lambdas in a line": ("a, work = lambda x: {}, lambda x: 3\n",),
    "one of two definitions": ("import sys\nif sys:\n    class A:\n        v = {}\nelse:\n    class A:\n        v = 3\ndef work(x):\n    return A\n",),
    "a nonlocal variable's function": (
        "def g():\n    return {}\ndef make():\n    n = 0\n    def work(x):\n        nonlocal n\n        n += g()\n        return n\n    return work\nwork = make()\n",
    ),
}  # fmt: skip


@pytest.mark.parametrize("sources", DIFFERENT.values(), ids=DIFFERENT.keys())
def test_what_matters(load: Load, sources: tuple[str]) -> None:
    (source,) = sources
    before = fingerprint(load(source.replace("{}", "1").replace("{{", "{").replace("}}", "}")))
    after = fingerprint(load(source.replace("{}", "2").replace("{{", "{").replace("}}", "}")))
    again = fingerprint(load(source.replace("{}", "1").replace("{{", "{").replace("}}", "}")))
    assert before != after
    assert before == again


OTHER_MODULES = {
    "import module": "import tools\ndef work(x):\n    return tools.step(x)\n",
    "import as": "import tools as t\ndef work(x):\n    return t.step(x)\n",
    "from module": "from tools import step\ndef work(x):\n    return step(x)\n",
    "from package": "from package import deep\ndef work(x):\n    return deep.step(x)\n",
    "import a.b": "import package.deep\ndef work(x):\n    return package.deep.step(x)\n",
    "inside the function": "def work(x):\n    from package.deep import step as s\n    return s(x)\n",
    "a module inside the function": "def work(x):\n    import package.deep\n    return package.deep.step(x)\n",
    "a module under another name inside": "def work(x):\n    import package.deep as d\n    return d.step(x)\n",
    "a constant of a module": "import tools\ndef work(x):\n    return tools.RATE\n",
    "a relative import": "from package.user import work\n",
    "a relative import inside": "from package.user import work_inside as work\n",
}


@pytest.mark.parametrize("main", OTHER_MODULES.values(), ids=OTHER_MODULES.keys())
@pytest.mark.parametrize("package", ["package/other", "package/__init__"], ids=["namespace", "package"])
def test_other_modules_of_the_project_are_looked_into(load: Load, main: str, package: str) -> None:
    def made(rate: int, unused: int) -> Any:
        text = f"RATE = {rate}\ndef step(x):\n    return RATE\ndef unused():\n    return {unused}\n"
        user = "from .deep import step\ndef work(x):\n    return step(x)\ndef work_inside(x):\n    from . import deep\n    return deep.step(x)\n"
        return load(main, **{"tools": text, package: "", "package/deep": text, "package/user": user})

    module = made(1, 1)
    assert (Path(module.__file__).parent / "package").is_dir()
    before = fingerprint(module)
    assert is_seen_through(module)
    assert fingerprint(made(1, 2)) == before
    assert fingerprint(made(2, 1)) != before


UNSEEN = {
    "eval": "def work(x):\n    return eval(x)\n",
    "exec": "def work(x):\n    exec(x)\n",
    "a computed attribute": "import tools\ndef work(x):\n    return getattr(tools, x)()\n",
    "a computed import": "import importlib\ndef work(x):\n    return importlib.import_module(x)\n",
    "a computed import by name": "from importlib import import_module\ndef work(x):\n    return import_module(x)\n",
    "__import__": "def work(x):\n    return __import__(x)\n",
    "globals": "def work(x):\n    return globals()[x]\n",
    "a module as a value": "import tools\ndef work(x):\n    return x(tools)\n",
    "everything of a module": "def work(x):\n    import tools\n    return vars(tools)\n",
    "an object of unknown kind": "class A:\n    pass\na = A()\ndef work(x):\n    return a\n",
    "an object deep in a list": "OBJECTS = [[object()]]\ndef work(x):\n    return OBJECTS\n",
    "a function made by exec": "space = {'__name__': __name__}\nexec('def f(): return 1', space)\nf = space['f']\ndef work(x):\n    return f()\n",
    "an attribute that is not there yet": "import tools\ndef work(x):\n    return tools.later\n",
}


@pytest.mark.parametrize("main", UNSEEN.values(), ids=UNSEEN.keys())
def test_what_cannot_be_seen_depends_on_the_whole_bundle(load: Load, main: str) -> None:
    module = load(main, tools="def step():\n    return 1\n")
    assert not is_seen_through(module)
    assert fingerprint(module, bundle="one") != fingerprint(module, bundle="two")


def test_a_constant_attribute_name_is_seen_through(load: Load) -> None:
    module = load("def work(x):\n    return getattr(x, 'name', None)\n")
    assert is_seen_through(module) and fingerprint(module, bundle="one") == fingerprint(module, bundle="two")


def test_without_a_bundle_the_project_itself_is_hashed(load: Load) -> None:
    main = "def work(x):\n    return eval(x)\n"
    first = fingerprint(load(main, tools="x = 1"), bundle="")
    assert fingerprint(load(main, tools="x = 1"), bundle="") == first
    assert fingerprint(load(main, tools="x = 2"), bundle="") != first


def test_installed_packages_count_by_their_version(load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    import numpy

    module = load("import numpy as np\nimport json\ndef work(x):\n    return np.mean(json.loads(x))\n")
    assert f"numpy {numpy.__version__}" in explained(module) and is_seen_through(module)
    before = fingerprint(module)
    monkeypatch.setattr(numpy, "__version__", "99.0")
    distribution_of.cache_clear()
    try:
        assert fingerprint(module) != before
    finally:
        distribution_of.cache_clear()


def test_packages_installed_inside_the_project_folder_are_not_entered(load: Load) -> None:
    main = """
        import pathlib, sys
        sys.path.insert(0, str(pathlib.Path(__file__).parent / "env" / "site-packages"))
        from installed_tool import f
        def work(x):
            return f()
    """

    def made(version: int, result: int) -> Any:
        tool = f"__version__ = '{version}'\ndef f():\n    return {result}\n"
        return load(main, **{"env/site-packages/installed_tool": tool})

    def hashed(version: int, result: int) -> str:
        distribution_of.cache_clear()
        return fingerprint(made(version, result))

    assert hashed(1, 1) == hashed(1, 2) != hashed(2, 1)


def test_recursion_and_circles_end(load: Load) -> None:
    module = load(
        """
        def work(x):
            return other(x - 1) if x else TABLE
        def other(x):
            return work(x)
        TABLE = [work]
        TABLE.append(TABLE)
        class A:
            def m(self):
                return A, B
        class B(A):
            def n(self):
                return A().m(), work
        """
    )
    assert fingerprint(module) and fingerprint(module, "A") != fingerprint(module, "B")


def test_a_function_found_through_a_task_and_by_itself_is_the_same(load: Load) -> None:
    module = load("from partita.flow.task import task\n@task\ndef work(x: int) -> int:\n    return x\n")
    fingerprinter = Fingerprinter(Path(module.__file__).parent, "b")
    assert fingerprinter.of(module.work) == fingerprinter.of(module.work.function)


def test_other_processes_find_the_same(load: Load) -> None:
    import os
    import subprocess

    source = (
        "import re, enum\nfrom dataclasses import dataclass\n@dataclass\nclass C:\n    a: int\nclass E(enum.Enum):\n    A = 'a'\n"
        "S = {'x', 'y', 'z', E.A}\nD = {'c': C(1), 'f': re.compile('b')}\ndef work(x: C):\n    return S, D\n"
    )
    module = load(source)
    root = Path(importlib.import_module("partita").__path__[0]).parent
    code = (
        "import main, pathlib\nfrom partita.artifacts.code.fingerprint import Fingerprinter\n"
        "print(Fingerprinter(pathlib.Path(main.__file__).parent, 'one bundle').of(main.work))"
    )
    for seed in ("1", "2"):
        environment = {**os.environ, "PYTHONPATH": f"{Path(module.__file__).parent}:{root}", "PYTHONHASHSEED": seed}
        told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True)
        assert told.stdout.strip() == fingerprint(module)
