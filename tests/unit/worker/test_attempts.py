"""Strange tasks end as failures that can be understood, and leave nothing behind for the next one."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from partita.executors.port import LOST
from partita.protocol.messages import DONE
from partita.values import unpack


def test_a_failure_shows_the_users_code_only(bench: Any) -> None:
    bench.write("def inner():\n    raise ValueError('wrong')\ndef outer():\n    inner()\n")
    error = bench.error("outer")
    assert (error["type"], error["message"], error["origin"]) == ("ValueError", "wrong", "user")
    assert "in outer" in error["traceback"] and "in inner" in error["traceback"]
    assert "partita/worker" not in error["traceback"]
    assert error["retry"] is True and error["delay_s"] == 0


@pytest.mark.parametrize(
    ("statement", "type_name"),
    [
        ("sys.exit(2)", "SystemExit"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt"),
        ("raise GeneratorExit", "GeneratorExit"),
        ("next(iter([]))", "StopIteration"),
        ("strange()", "RecursionError"),
        ("raise MemoryError", "MemoryError"),
        ("raise BaseExceptionGroup('many', [KeyboardInterrupt(), ValueError()])", "BaseExceptionGroup"),
        ("raise ValueError('x' * 10_000_000)", "ValueError"),
        ("raise type('Odd', (Exception,), {'__str__': lambda self: 1 / 0})", "Odd"),
        ("raise type('Local', (Exception,), {'lock': threading.Lock()})", "Local"),
    ],
)
def test_whatever_is_raised_is_a_failure(bench: Any, statement: str, type_name: str) -> None:
    bench.write(
        f"import os, sys, threading\ndef strange():\n    {statement}\ndef process_id():\n    return os.getpid()\n"
    )
    pid = bench.result("process_id")
    error = bench.error("strange")
    assert error["type"].endswith(type_name)
    assert len(error["message"]) < 17_000
    assert bench.result("process_id") == pid


def test_a_cut_message_stands_whole_in_the_log(bench: Any) -> None:
    bench.write("def fail():\n    raise ValueError('x' * 1_000_000)\n")
    assert bench.log(bench.call("fail")) == "x" * 1_000_000 + "\n"


def test_code_that_is_not_there(bench: Any) -> None:
    bench.write("import nowhere_to_be_found\ndef task():\n    pass\n")
    error = bench.error("task")
    assert error["type"].endswith("LoadError") and "nowhere_to_be_found" in error["message"]
    bench.write("def task():\n    pass\n")
    assert "did you mean 'task'" in bench.error("tusk")["message"]


def test_coroutines_run(bench: Any) -> None:
    bench.write("import asyncio\nasync def wait(value):\n    await asyncio.sleep(0.001)\n    return value + 1\n")
    assert bench.result("wait", 1) == 2
    assert bench.result("wait", 2) == 3


def test_a_coroutine_is_cancelled(bench: Any) -> None:
    bench.write(
        "import asyncio, pathlib\n"
        "async def wait(started, cleaned):\n"
        "    try:\n"
        "        pathlib.Path(started).touch()\n"
        "        await asyncio.sleep(60)\n"
        "    finally:\n"
        "        await asyncio.sleep(0.01)\n"
        "        pathlib.Path(cleaned).touch()\n"
    )
    order = bench.start("wait", str(bench.file("started")), str(bench.file("cleaned")))
    bench.until(bench.file("started").exists)
    bench.executor.cancel(order.ticket, "cancelled", 20.0)
    lost = bench.end_of(order.ticket)
    assert lost[0] == LOST and lost[2] == "cancelled"
    assert bench.file("cleaned").exists()


def test_the_working_directory_comes_back(bench: Any) -> None:
    bench.write("import os\ndef move():\n    os.chdir('/')\ndef where():\n    return os.getcwd()\n")
    bench.call("move")
    assert bench.result("where") == os.path.realpath(bench.bundle)


def test_a_vanished_project_folder_is_said_clearly(bench: Any, tmp_path: Path) -> None:
    bench.write("def task():\n    return 1\n")
    error = bench.error("task", folder=tmp_path / "gone")
    assert str(tmp_path / "gone") in error["message"] and "moved" in error["message"]


def test_threads_left_behind_wear_the_worker_out(bench: Any) -> None:
    bench.write(
        "import os, threading, time\n"
        "def leave():\n"
        "    threading.Thread(target=time.sleep, args=(60,)).start()\n"
        "    time.sleep(0.001)\n"
        "    return os.getpid()\n"
        "def process_id():\n    return os.getpid()\n"
    )
    pid = bench.result("leave")
    bench.until(lambda: bench.closed(bench.number))
    assert bench.result("process_id") != pid


def test_children_left_behind_are_killed(bench: Any) -> None:
    bench.write(
        "import subprocess, sys\n"
        "def leave():\n"
        "    return subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']).pid\n"
    )
    pid = bench.result("leave")
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_environment_variables_hold_for_the_attempt(bench: Any) -> None:
    bench.write("import os\ndef show():\n    return [os.environ.get('MODE'), os.environ['OMP_NUM_THREADS']]\n")
    assert bench.result("show", environment_variables={"MODE": "fast"}) == ["fast", "1"]
    assert bench.result("show") == [None, "1"]


def test_secrets_are_given_and_masked(bench_with: Any) -> None:
    bench = bench_with({"TOKEN": "hunter2secret"})
    (bench.bundle / ".env").write_text("OTHER=from the file\n")
    bench.write(
        "import os, sys\n"
        "def show():\n"
        "    sys.stdout.write('token is hunter2'); sys.stdout.flush(); sys.stdout.write('secret\\n')\n"
        "    return [len(os.environ['TOKEN']), os.environ['OTHER'] == 'from the file']\n"
        "def fail():\n"
        "    raise ValueError('bad ' + os.environ['TOKEN'])\n"
        "def other():\n    return os.environ.get('OTHER')\n"
    )
    message = bench.call("show", secrets=("TOKEN", "OTHER"))
    assert message[0] == DONE
    assert bench.log(message) == "token is ***\n"
    error = bench.error("fail", secrets=("TOKEN",))
    assert error["message"] == "bad ***" and "hunter2" not in str(error)
    assert bench.result("other") is None


def test_what_is_stored_wins_over_the_environment_and_the_file(bench_with: Any) -> None:
    bench = bench_with({"TOKEN": "of the environment", "OTHER": "of the environment"})
    (bench.bundle / ".env").write_text("TOKEN=of the file\nTHIRD=of the file\n")
    bench.secrets["TOKEN"] = "of the store"
    bench.write("import os\ndef show():\n    return [len(os.environ[name]) for name in ('TOKEN', 'OTHER', 'THIRD')]\n")
    lengths = [len("of the store"), len("of the environment"), len("of the file")]
    assert bench.result("show", secrets=("TOKEN", "OTHER", "THIRD")) == lengths


def test_a_worker_that_goes_on_has_no_stored_secret_any_more(bench: Any) -> None:
    bench.secrets["TOKEN"] = "hunter2secret"
    bench.write(
        "import os\n"
        "def show():\n    print(os.environ['TOKEN']); return os.getpid()\n"
        "def look():\n    return [os.getpid(), 'hunter2secret' in str(dict(os.environ))]\n"
    )
    message = bench.call("show", secrets=("TOKEN",))
    assert bench.log(message) == "***\n"
    assert bench.result("look") == [unpack(message[2])[1], False]


def test_an_encoded_secret_is_masked_in_the_output_and_the_error(bench: Any) -> None:
    bench.secrets["TOKEN"] = "hunter2/secret+!"
    bench.write(
        "import base64, os, sys, urllib.parse\n"
        "def show():\n"
        "    told = base64.b64encode(b'user:' + os.environb[b'TOKEN']).decode()\n"
        "    sys.stdout.write(told[:12]); sys.stdout.flush(); sys.stdout.write(told[12:] + '\\n')\n"
        "    raise ValueError('GET /?key=' + urllib.parse.quote(os.environ['TOKEN'], safe=''))\n"
    )
    message = bench.call("show", secrets=("TOKEN",))
    assert bench.log(message) == "dXNlcjp***\n"
    assert message[2]["message"] == "GET /?key=***"


def test_a_secret_that_is_too_short_to_be_masked_well_is_told_in_the_log(bench: Any) -> None:
    bench.secrets |= {"PIN": "123", "TOKEN": "hunter2"}
    bench.write("def task():\n    print('up to 1234')\n")
    told = bench.log(bench.call("task", secrets=("PIN", "TOKEN")))
    assert told.endswith("\nup to ***4\n") and "PIN: " in told and "TOKEN" not in told


def test_a_missing_secret_says_where_to_put_it(bench: Any) -> None:
    bench.write("def task():\n    pass\n")
    message = bench.error("task", secrets=("NOT_THERE",))["message"]
    assert "NOT_THERE" in message and ".env" in message and "partita secrets set NOT_THERE" in message
