"""The executor of this machine: warm worker processes, one a lane.

The engine keeps the worker's end of the order socket open beside its own. So it can take packets out of the worker's
own queue, and what it finds there has certainly not begun.
"""

from __future__ import annotations

import math
import os
import select
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from partita.core.records import Demand
from partita.errors import ProtocolError
from partita.executors.bound import BoundWorkers
from partita.executors.devices import Devices
from partita.executors.environments.builders import Builders
from partita.executors.environments.shelf import Shelf
from partita.executors.lanes import Lane, Pool, Stopping, lane_environment
from partita.executors.machine import gpu_devices
from partita.executors.port import CLOSED, LOST, RETURNED, Capacity, Launchable, Message
from partita.executors.timer import Timer
from partita.executors.watch import MemoryWatch
from partita.executors.worker_process import WORKER_MARK, WorkerProcess, exit_in_words, kill_marked
from partita.executors.wreck import account_of, unsent
from partita.protocol.messages import DONE, FAILED, LAID, ORDER, PROFILE, READY, REPLY, REQUEST, RETIRING, STOP, Order
from partita.protocol.packets import CANCEL, Spill, pack_message

__all__ = ["ProcessExecutor"]

_TICK_S = 0.25
_MESSAGES_A_TURN = 256
_KEPT_BESIDE_CAPACITY = 2


class ProcessExecutor(BoundWorkers):
    """Runs orders in local worker processes; see `partita.executors.port` for what holds.

    Args:
        capacity: what all lanes may hold together.
        workspace: folder of the workspace; large packets and logs lie there.
        spare: bare workers to have ready; None: as many as there are cores.
        environment: variables of the workers; None: those of this process.
        memory_floor_bytes: free memory of the machine below which the largest worker is killed; None: 3 %.
        devices: names of the GPU devices, as CUDA_VISIBLE_DEVICES takes them; None: those of this machine.
        origin: whose executor this is. What an earlier one of this origin left running is killed; for those of which
            there can be only one at a time.
        environments: folder in which the environments of tasks are kept; default: one in the workspace.
        worker_needs: requirements of workers in such environments, beside those that all have.
        environment_timeout_s: seconds that making an environment may take.
    """

    def __init__(
        self,
        capacity: Capacity,
        *,
        workspace: Path,
        spare: int | None = None,
        environment: dict[str, str] | None = None,
        devices: Sequence[str] | None = None,
        memory_floor_bytes: int | None = None,
        origin: str = "",
        environments: Path | None = None,
        environment_timeout_s: float = 1800.0,
        worker_needs: Sequence[str] = (),
    ) -> None:
        if origin:
            kill_marked(f"{WORKER_MARK}={origin}-")
        self._capacity = capacity
        self._spill = Spill(str(workspace / "spill"))
        self._epoll = select.epoll()
        self._timer = Timer()
        self._epoll.register(self._timer, select.EPOLLIN)
        self._talking: dict[int, WorkerProcess] = {}  # by the file descriptor of their orders
        self._living: dict[int, WorkerProcess] = {}  # by pidfd
        self._full: dict[int, WorkerProcess] = {}  # by the file descriptor that has to become writable
        self._lanes: dict[int, Lane] = {}
        self._lane_of: dict[int, Lane] = {}  # by ticket
        self._lane_served: dict[WorkerProcess, Lane] = {}
        self._profiles: dict[int, Launchable] = {}
        self._said: list[Message] = []
        self._next_lane = 1
        self._is_closed = False
        self._devices = Devices(list(devices) if devices is not None else gpu_devices()[: math.ceil(capacity.gpu)])
        self._watch = MemoryWatch(memory_floor_bytes)
        cores = max(1, round(capacity.cpu))
        spare = cores if spare is None else spare
        self._pool = Pool(spare, cores + _KEPT_BESIDE_CAPACITY, environment, self._attend, origin)
        self._pool.prestart()
        shelf = Shelf(environments or workspace / "environments", tuple(worker_needs))
        self._builders = Builders(shelf, environment_timeout_s, environment, self._pool.mark, self._epoll)

    @property
    def capacity(self) -> Capacity:
        """What can be held by all lanes together."""
        return self._capacity

    def introduce(self, number: int, launchable: Launchable) -> None:
        """Make a profile known, before its first order."""
        self._profiles[number] = launchable

    def forget(self, numbers: Sequence[int]) -> None:
        """These profiles will not be ordered again."""
        for number in numbers:
            self._profiles.pop(number, None)
            for worker in self._pool.workers:
                if number in worker.known:
                    worker.known.discard(number)
                    self._send(worker, pack_message((PROFILE, number, None)))

    def prepare(self, environment: str, launchable: Launchable) -> bool:
        """Whether the environment is ready; if not, a process makes it."""
        if not environment or self._builders.is_ready(environment):
            return True
        self._builders.begin(environment, launchable.bundle, launchable.folder)
        self._timer.set(_TICK_S)
        return False

    def open_lane(self, bundle: str, demand: Demand, environment: str = "") -> int:
        """A new lane; a worker that is warm for this bundle and demand serves it where there is one."""
        devices = self._devices.take(demand.gpu)
        key = (bundle, environment, max(1, int(demand.cpu)), tuple(name for name, _ in devices))
        worker = self._pool.take(key, self._builders.interpreter(environment) if environment else None)
        lane = Lane(self._next_lane, demand, devices, worker)
        self._next_lane += 1
        self._lanes[lane.number] = self._lane_served[worker] = lane
        self._timer.set(_TICK_S)
        return lane.number

    def close_lane(self, lane: int) -> None:
        """The lane is not needed any more; its worker stays warm."""
        found = self._lanes.get(lane)
        if found is None:
            return
        self._drop(found)
        for surplus in self._pool.put_back(found.worker):
            self._send(surplus, pack_message((STOP,)))

    def submit(self, lane: int, orders: Sequence[Order]) -> None:
        """Queue orders on the lane."""
        found = self._lanes.get(lane)
        if found is None or found.asking or found.worker.fate is not None:
            self._say([RETURNED, order[0]] for order in orders)
            return
        worker, queue, lane_of, timer = found.worker, found.queue, self._lane_of, self._timer
        for order in orders:
            ticket, profile = order[0], order[1]
            if profile not in worker.known:
                self._send_profile(found, profile)
            queue.append(ticket)
            lane_of[ticket] = found
            try:
                self._send(worker, self._spill.pack((ORDER, *order)))
            except OSError as error:
                self._refuse(found, error)
        if not timer.is_set:
            timer.set(_TICK_S)

    def take_back(self, lane: int) -> list[int]:
        """Take back the orders that the lane has not begun."""
        found = self._lanes.get(lane)
        return [] if found is None else [message[1] for message in self._take_unbegun(found)]

    def cancel(self, ticket: int, reason: str, grace_s: float) -> None:
        """Ask the attempt to stop, and kill it when it has not ended after the grace."""
        lane = self._lane_of.get(ticket)
        if lane is None:
            return
        unbegun = self._take_unbegun(lane)
        for message in unbegun:
            if message[1] == ticket:
                self._say([[RETURNED, ticket]])
            else:
                self.submit(lane.number, [Order(*message[1:])])
        if ticket in self._lane_of:
            self._stop(lane, Stopping(ticket, reason, grace_s, time.monotonic() + grace_s))

    def reply(self, ticket: int, request: int, is_ok: bool, answer: Any) -> None:
        """Answer a request of a running attempt."""
        lane = self._lane_of.get(ticket)
        if lane is None or request not in lane.asking:
            return
        lane.asking.discard(request)
        self._send_control(lane.worker, (REPLY, ticket, request, is_ok, answer))

    def filenos(self) -> list[int]:
        """One file descriptor, readable whenever `receive(0)` has something to do."""
        return [self._epoll.fileno()]

    def printing(self, ticket: int) -> tuple[str, int] | None:
        """Where the output of an attempt that is running lies."""
        lane = self._lane_of.get(ticket)
        if lane is None:
            return None
        current, start, _, _ = lane.worker.status.attempt()
        segment = os.path.basename(lane.worker.status.segment())
        return (segment, start) if current == ticket and segment else None

    def receive(self, timeout_s: float | None) -> list[Message]:
        """What has arrived, oldest first."""
        until = None if timeout_s is None else time.monotonic() + timeout_s
        wait_s = timeout_s
        while True:
            messages, self._said = self._said, []
            for file, mask in self._epoll.poll(0 if messages else wait_s):
                self._attend_to(file, mask, messages)
            messages += self._said
            self._said = []
            if messages:
                return messages
            if until is not None:
                wait_s = until - time.monotonic()
                if wait_s <= 0:
                    return messages

    def close(self) -> None:
        """Kill what runs and release everything."""
        if self._is_closed:
            return
        self._is_closed = True
        self._builders.close()
        workers = list(self._pool.workers)
        for worker in workers:
            worker.kill("stopped", "the executor was closed")
        for worker in workers:
            worker.reap()
            worker.close()
        kill_marked(f"{WORKER_MARK}={self._pool.mark}.")
        self._timer.close()
        self._epoll.close()

    def _attend(self, worker: WorkerProcess) -> None:
        """A worker was started."""
        self._talking[worker.orders.socket.fileno()] = worker
        self._living[worker.pidfd] = worker
        self._epoll.register(worker.orders.socket, select.EPOLLIN)
        self._epoll.register(worker.pidfd, select.EPOLLIN)

    def _attend_to(self, file: int, mask: int, messages: list[Message]) -> None:
        worker = self._talking.get(file)
        if worker is not None:
            if mask & select.EPOLLOUT:
                self._flush(worker, file)
            if mask & select.EPOLLIN:
                self._drain(worker, messages, _MESSAGES_A_TURN)
        elif file == self._timer.fileno():
            self._tick()
        elif file in self._living:
            self._bury(self._living[file], messages)
        elif file in self._full:
            self._flush(self._full[file], file)
        else:
            messages.extend(self._builders.ended(file))

    def _drain(self, worker: WorkerProcess, messages: list[Message], most: int) -> None:
        """Take what the worker has said."""
        lane = self._lane_served.get(worker)
        if worker.is_garbled:
            most = 0
        for _ in range(most):
            packet = worker.receive()
            if packet is None:
                return
            try:
                message = self._spill.open(packet)
                is_idle = self._take(worker, lane, message, messages)
            except (ValueError, TypeError, IndexError, OSError, ProtocolError) as error:
                worker.is_garbled = True
                worker.kill("died", f"it said something that is no message ({error})")
                return
            if is_idle:
                return

    def _take(self, worker: WorkerProcess, lane: Lane | None, message: Message, messages: list[Message]) -> bool:
        """Take one message; whether the worker has nothing to do now."""
        tag = message[0]
        if tag == READY:
            worker.is_ready = True
        elif tag == RETIRING:
            self._retire(worker, messages)
            return True
        elif lane is None or not lane.queue or message[1] != lane.queue[0]:
            return False
        elif tag in (DONE, FAILED, LAID, LOST):
            self._end(lane, message)
            messages.append(message)
            return not lane.queue
        else:
            messages.append(message)
            if tag == REQUEST:
                lane.asking.add(message[2])
        return False

    def _end(self, lane: Lane, message: Message) -> None:
        ticket = lane.queue.popleft()
        del self._lane_of[ticket]
        lane.stopping = None
        if lane.asking:
            lane.asking.clear()
        peak = lane.worker.peak_bytes
        if peak:
            lane.worker.peak_bytes = 0
            usage = message[-2]
            usage[3] = max(usage[3], peak)

    def _take_unbegun(self, lane: Lane) -> list[Message]:
        """The orders that the worker has not read, as they were sent."""
        taken = []
        for packet in lane.worker.take_unread():
            message = self._spill.open(packet)
            if message[0] == ORDER:
                taken.append(message)
                lane.queue.remove(message[1])
                del self._lane_of[message[1]]
            elif message[0] == PROFILE:
                lane.worker.known.discard(message[1])
        return taken

    def _stop(self, lane: Lane, stopping: Stopping) -> None:
        if lane.stopping is not None and lane.stopping.kill_at <= stopping.kill_at:
            return
        first = lane.stopping is None
        lane.stopping = stopping
        if stopping.grace_s <= 0:
            lane.worker.kill(stopping.reason, f"it was stopped at once: {stopping.reason}", stopping.ticket)
        elif first:
            self._send_control(lane.worker, (CANCEL, stopping.ticket, stopping.reason))
            lane.worker.signal_stop()
        self._timer.set(min(_TICK_S, max(0.0, stopping.grace_s)))

    def _tick(self) -> None:
        """What time brings: the end of a grace, the look at the memory, new spare workers."""
        self._timer.clear()
        now = time.monotonic()
        pauses = [_TICK_S]
        for lane in self._lanes.values():
            stopping = lane.stopping
            if stopping is None:
                continue
            if stopping.kill_at > now:
                pauses.append(stopping.kill_at - now)
            elif lane.worker.fate is None:
                detail = f"it did not stop within {stopping.grace_s:g} s of being asked to ({stopping.reason})"
                lane.worker.kill(stopping.reason, detail, stopping.ticket)
        self._watch.look([lane for lane in self._lanes.values() if lane.queue])
        self._pool.prestart(1)
        self._said.extend(self._builders.news())
        if self._lane_of or self._builders:
            self._timer.set(min(pauses))

    def _retire(self, worker: WorkerProcess, messages: list[Message]) -> None:
        """The worker has worn out and ends by itself."""
        lane = self._lane_served.get(worker)
        if lane is not None:
            messages.extend([RETURNED, message[1]] for message in self._take_unbegun(lane))
            self._drop(lane)
            messages.append([CLOSED, lane.number])
        self._pool.retire(worker)

    def _bury(self, worker: WorkerProcess, messages: list[Message]) -> None:
        """The worker's process has ended."""
        cpu_s = worker.cpu_s()
        self._drain(worker, messages, 1_000_000)
        status = worker.reap()
        if not worker.is_ready and worker.is_of_ours:
            self._pool.stop_prestarting()
        lane = self._lane_served.get(worker)
        if lane is not None:
            returned = [[RETURNED, message[1]] for message in self._take_unbegun(lane)]
            if not worker.is_ready and not lane.queue and returned:
                # Else a Python that cannot start would be tried again and again.
                lane.queue.append(returned.pop(0)[1])
            ending = exit_in_words(status)
            for ticket in lane.queue:
                self._lane_of.pop(ticket, None)
                reason, detail, usage, log = account_of(worker, ticket, ending, self._watch, cpu_s)
                messages.append([LOST, ticket, reason, detail, usage, log])
            messages.extend(returned)
            self._drop(lane)
            messages.append([CLOSED, lane.number])
        self._release(worker)

    def _release(self, worker: WorkerProcess) -> None:
        orders, control = worker.orders.socket.fileno(), worker.control.socket.fileno()
        self._epoll.unregister(orders)
        self._epoll.unregister(worker.pidfd)
        del self._talking[orders], self._living[worker.pidfd]
        self._full.pop(orders, None)
        if self._full.pop(control, None):
            self._epoll.unregister(control)
        self._pool.remove(worker)
        worker.close()

    def _drop(self, lane: Lane) -> None:
        self._devices.give_back(lane.devices)
        del self._lanes[lane.number], self._lane_served[lane.worker]

    def _send_profile(self, lane: Lane, number: int) -> None:
        launchable, worker = self._profiles[number], lane.worker
        fields = launchable.fields()
        assert worker.key is not None
        fields["process_variables"] = lane_environment(worker.key, self._capacity.gpu > 0)
        worker.workspace = os.path.abspath(launchable.workspace)
        worker.known.add(number)
        self._send(worker, self._spill.pack((PROFILE, number, fields)))

    def _refuse(self, lane: Lane, error: OSError) -> None:
        """The order that was queued last cannot be sent, for want of a disk to write it to."""
        ticket = lane.queue.pop()
        del self._lane_of[ticket]
        self._say([unsent(ticket, self._spill.folder, error)])

    def _send(self, worker: WorkerProcess, packet: bytes) -> None:
        if not worker.orders.send(packet):
            self._await_room(worker, worker.orders.socket.fileno())

    def _send_control(self, worker: WorkerProcess, message: Sequence[Any]) -> None:
        if not worker.control.send(self._spill.pack(message)):
            self._await_room(worker, worker.control.socket.fileno())

    def _await_room(self, worker: WorkerProcess, file: int) -> None:
        if file in self._full:
            return
        self._full[file] = worker
        if file in self._talking:
            self._epoll.modify(file, select.EPOLLIN | select.EPOLLOUT)
        else:
            self._epoll.register(file, select.EPOLLOUT)

    def _flush(self, worker: WorkerProcess, file: int) -> None:
        is_orders = file in self._talking
        if not (worker.orders if is_orders else worker.control).flush():
            return
        self._full.pop(file, None)
        if is_orders:
            self._epoll.modify(file, select.EPOLLIN)
        else:
            self._epoll.unregister(file)

    def _say(self, messages: Iterable[Message]) -> None:
        """Say something at the next `receive`, which is due at once."""
        self._said.extend(messages)
        self._timer.set(0)
