"""The functions that the executors' contract has run, as the source of a module in a bundle.

They are source, because a worker finds its code in the bundle, whatever the executor makes of that.
"""

from __future__ import annotations

__all__ = ["SOURCE"]

SOURCE = """
import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path


def add(left, right):
    return left + right


def fail(text):
    raise ValueError(text)


def length(text):
    return len(text)


def spin(seconds):
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass


def process_id():
    return os.getpid()


def touch(path):
    Path(path).touch()


def wait_for_file(started, gate):
    Path(started).touch()
    while not Path(gate).exists():
        time.sleep(0.005)


def ask(question):
    from partita.flow.context import context

    return context().ask("cached", {"key": question})


def kill_itself(started, gate):
    wait_for_file(started, gate)
    os.kill(os.getpid(), signal.SIGKILL)


def exit_at_once(started, gate):
    wait_for_file(started, gate)
    os._exit(3)


def segfault(started, gate):
    wait_for_file(started, gate)
    ctypes.string_at(0)


def exit_in_thread(started, gate):
    wait_for_file(started, gate)
    threading.Thread(target=os._exit, args=(1,)).start()
    time.sleep(60)


def hog(mebibytes):
    held = []
    for _ in range(mebibytes // 10):
        held.append(bytearray(os.urandom(1)) * (10 * 2**20))
        time.sleep(0.01)
    time.sleep(60)


def sleep_and_clean_up(started, cleaned):
    try:
        Path(started).touch()
        time.sleep(60)
    finally:
        Path(cleaned).touch()


def sleep_whatever_comes(started):
    Path(started).touch()
    while True:
        try:
            time.sleep(60)
        except BaseException:
            pass


def hang_in_c(started):
    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    Path(started).touch()
    ctypes.PyDLL(None).sleep(60)


def sleep_in_a_child(started):
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    Path(started).touch()
    child.wait()


def start_a_daemon(started):
    write = "import os, sys, time; open(sys.argv[1], 'a').write(f'{os.getpid()} '); time.sleep(60)"
    command = [sys.executable, "-c", write, started]
    subprocess.Popen(command)
    if os.fork() == 0:
        os.setsid()
        subprocess.Popen(command, start_new_session=True)
        os._exit(0)
    time.sleep(60)


def fork_and_return(value):
    if os.fork() == 0:
        return "child"
    os.wait()
    return value
"""
