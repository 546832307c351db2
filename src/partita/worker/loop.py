"""The worker's loop: take a packet, run the order in it, answer at once."""

from __future__ import annotations

import faulthandler
import importlib
import os
import select
import signal
import socket
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from partita.executors.status import StatusPage
from partita.flow.loading import set_notebook, set_project
from partita.protocol.messages import FAILED, ORDER, PROFILE, READY, RETIRING, STOP
from partita.protocol.packets import PACKET_BYTES, SPILLED, Spill, pack_message
from partita.values import NOTEBOOK_FILE
from partita.worker.attempt import Attempt
from partita.worker.capture import Capture
from partita.worker.control import Control
from partita.worker.meter import Meter
from partita.worker.profiles import WorkerProfile
from partita.worker.values import WorkerValues

__all__ = ["Worker"]

_SPILLED_BYTE = SPILLED[0]
_PRELOADED = (
    "partita",
    "partita.worker.failures",
    "traceback",
    "logging",
    "partita.worker.layouts",
    "partita.artifacts.codecs.encoder",
)


class Worker:
    """A process that works on one order after the other."""

    def __init__(self, orders: int, control: int, status: int) -> None:
        self._orders = socket.socket(fileno=orders)
        control_socket = socket.socket(fileno=control)
        for file in (orders, control, status):
            os.set_inheritable(file, False)
        self.control = Control(control_socket)
        self.status = StatusPage(status)
        self.capture = Capture(self.status)
        self.meter = Meter()
        self.profiles: dict[int, WorkerProfile] = {}
        self.current: Attempt | None = None
        self.is_child = False  # a fork of the worker, made by user code
        self.workspace = ""
        self.values = WorkerValues("", "")
        self._folder = ""
        self.homeless = ""  # why this process is not in the project's folder
        self._worn_out = ""  # why this worker takes no more orders
        self._spill: Spill | None = None

    def serve(self) -> None:
        """Work until the engine says stop, has gone, or this process is worn out."""
        self.control.listen()
        faulthandler.enable(2)  # a crash in C leaves the Python stack in the attempt's log
        os.register_at_fork(after_in_child=self._become_child)
        self._orders.send(pack_message((READY, os.getpid())))
        self._preload()
        receive = self._orders.recv
        while packet := receive(PACKET_BYTES):
            message = self._open(packet)
            tag = message[0]
            if tag == ORDER:
                self._say_end(self._answer(message))
                if self._worn_out:
                    self.say((RETIRING, self._worn_out))
                    return
            elif tag == PROFILE:
                self._take_profile(message[1], message[2])
            elif tag == STOP:
                return

    def say(self, message: Any) -> None:
        """Send a message to the engine."""
        packet = pack_message(message) if self._spill is None else self._spill.pack(message)
        self._orders.send(packet)

    def _say_end(self, message: list[Any]) -> None:
        try:
            self.say(message)
        except OSError as error:
            # What is too large for a packet goes through a file, and the disk may be full.
            from partita.worker.failures import error_map

            self.say([FAILED, message[1], error_map(error) | {"retry": True, "delay_s": 1.0}, message[-2], message[-1]])

    def wear_out(self, reason: str) -> None:
        """Take no more orders after this one."""
        self._worn_out = self._worn_out or reason

    def end_child(self, status: int) -> None:
        """A forked child has come back from the task's code, which only the worker itself goes on from."""
        self.capture.flush()
        os._exit(status)

    def _preload(self) -> None:
        """Import what most attempts need, as long as there is nothing else to do."""
        poll = select.poll()
        poll.register(self._orders, select.POLLIN)
        for module in _PRELOADED:
            if poll.poll(0):
                return
            with suppress(ImportError):  # whoever needs it will say so
                importlib.import_module(module)

    def _answer(self, order: list[Any]) -> list[Any]:
        attempt = Attempt(self, order)
        message = attempt.perform()
        self._return_home()
        if self.capture.is_damaged:
            self.wear_out("its last attempt closed or replaced the standard streams")
        return message

    def _open(self, packet: bytes) -> list[Any]:
        if self._spill is not None:
            return self._spill.open(packet)
        # Not bound yet, so that the packet itself has to say where the folder is.
        path = os.fsdecode(packet[1:]) if packet[0] == _SPILLED_BYTE else "/"
        return Spill(os.path.dirname(path)).open(packet)

    def _take_profile(self, number: int, fields: dict[str, Any] | None) -> None:
        if fields is None:
            self.profiles.pop(number, None)
            return
        profile = WorkerProfile(fields)
        if not self.workspace:
            self._bind(profile)
        self.profiles[number] = profile

    def _bind(self, profile: WorkerProfile) -> None:
        """What holds for every order of this worker, set before any of the user's code is imported."""
        os.environ.update(profile.process_variables)
        self.workspace = os.path.abspath(profile.workspace)
        self.values = WorkerValues(self.workspace, profile.bundle, profile.artifacts)
        self._spill = self.control.spill = Spill(os.path.join(self.workspace, "spill"))
        self.capture.open_folder(os.path.join(self.workspace, "logs"))
        self._folder = os.path.realpath(profile.folder)
        self._return_home()
        set_project(Path(profile.bundle))
        if os.path.exists(os.path.join(profile.bundle, NOTEBOOK_FILE)):
            set_notebook(self.values.session)
        for root in (os.path.join(profile.bundle, "src"), profile.bundle):
            sys.path.insert(0, root)

    def _return_home(self) -> None:
        """Be in the project's folder, wherever an attempt has gone."""
        with suppress(OSError):
            if os.getcwd() == self._folder:
                return
        try:
            os.chdir(self._folder)
        except OSError as error:
            self.homeless = (
                f"the project's folder {self._folder} cannot be entered ({error.strerror}); was it moved or deleted? "
                f"Move it back, or start the run again where it is now"
            )
            self.wear_out("its working directory has vanished")

    def _become_child(self) -> None:
        """A fork must never speak for the worker."""
        self.is_child = True
        signal.signal(signal.SIGUSR1, signal.SIG_DFL)
        self._orders.close()
        self.control.close()
