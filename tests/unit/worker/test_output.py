"""What an attempt prints is its log, and nobody else's."""

from __future__ import annotations

from typing import Any

import pytest


def test_each_attempt_has_its_own_part(bench: Any) -> None:
    bench.write("def say(text):\n    print(text)\n")
    first, second = bench.call("say", "one"), bench.call("say", "two\nthree")
    assert bench.log(first) == "one\n"
    assert bench.log(second) == "two\nthree\n"
    assert first[-1][0] == second[-1][0]


def test_silence_has_no_log(bench: Any) -> None:
    bench.write("def nothing():\n    pass\n")
    assert bench.call("nothing")[-1] is None


def test_standard_error_children_and_c_are_heard(bench: Any) -> None:
    bench.write(
        "import ctypes, os, subprocess, sys\n"
        "def say():\n"
        "    print('error', file=sys.stderr)\n"
        "    print('no newline', end='')\n"
        "    print()\n"
        "    subprocess.run(['echo', 'child'])\n"
        "    ctypes.CDLL(None).puts(b'from C')\n"
        "    os.write(1, b'raw\\n')\n"
    )
    assert bench.log(bench.call("say")).splitlines() == ["error", "no newline", "child", "from C", "raw"]


def test_logging_is_heard_from_info_on(bench: Any) -> None:
    bench.write(
        "import logging\n"
        "def say():\n"
        "    logging.getLogger('mine').info('informed')\n"
        "    logging.getLogger('mine').debug('too much')\n"
    )
    text = bench.log(bench.call("say"))
    assert "INFO" in text and "mine: informed" in text and "too much" not in text


def test_the_users_own_logging_has_its_way(bench: Any) -> None:
    bench.write(
        "import logging, sys\n"
        "def say():\n"
        "    logging.basicConfig(level=logging.DEBUG, format='<%(message)s>', stream=sys.stdout)\n"
        "    logging.debug('mine')\n"
    )
    assert bench.log(bench.call("say")) == "<mine>\n"


def test_much_output_is_kept_and_the_segment_changes(bench: Any) -> None:
    bench.write("def say(size):\n    print('x' * size)\n")
    first = bench.call("say", 100_000_000)
    assert first[-1][1:] == [0, 100_000_001]
    second = bench.call("say", 10)
    assert second[-1][0] != first[-1][0]
    assert bench.log(second) == "xxxxxxxxxx\n"


@pytest.mark.parametrize("damage", ["sys.stdout.close()", "os.close(1)", "os.dup2(os.open(os.devnull, 1), 2)"])
def test_closed_streams_harm_nobody_else(bench: Any, damage: str) -> None:
    bench.write(
        f"import os, sys, time\ndef harm():\n    {damage}\n    time.sleep(0.001)\ndef say():\n    print('hello')\n"
    )
    bench.call("harm")
    bench.until(lambda: bench.closed(bench.number))
    assert bench.log(bench.call("say")) == "hello\n"


def test_the_log_of_a_dead_worker_is_told(bench: Any) -> None:
    bench.write("import os\ndef die():\n    print('last words')\n    os._exit(7)\n")
    lost = bench.call("die")
    assert "exit status 7" in lost[3] and "last words" in lost[3]
    assert bench.log(lost) == "last words\n"


def test_a_crash_in_c_leaves_the_python_stack_in_the_log(bench: Any) -> None:
    bench.write("import ctypes\ndef crash_here():\n    ctypes.string_at(0)\n")
    lost = bench.call("crash_here")
    assert "SIGSEGV" in lost[3] and "crash_here" in lost[3]


def test_a_log_that_cannot_be_written_is_said(bench: Any) -> None:
    bench.write("def say():\n    print('hello')\n")
    (bench.folder / "workspace").mkdir(exist_ok=True)
    logs = bench.folder / "workspace" / "logs"
    logs.write_text("in the way")
    error = bench.error("say")
    assert "log cannot be written" in error["message"]
    logs.unlink()
    assert bench.log(bench.call("say")) == "hello\n"
