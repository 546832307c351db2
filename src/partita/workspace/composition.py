"""How an engine is put together from the settings: the only place that names concrete stores and executors."""

from __future__ import annotations

import contextlib
import fcntl
import gc
import json
import logging
import math
import os
import socket
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from partita.artifacts.blobs.placing import claim, open_blobs, place_of
from partita.artifacts.blobs.port import BlobStore
from partita.artifacts.keys import key_fingerprint
from partita.artifacts.secret_keys import take_variable
from partita.clock import SystemClock
from partita.engine.book import Book, Limits
from partita.engine.lanes import Lanes
from partita.engine.loop import Engine
from partita.engine.retention import Retention
from partita.engine.server import Server
from partita.engine.values import ValueCache
from partita.errors import EngineError, NotFoundError, PartitaError, SettingsError, StoreError, ValueStoreError
from partita.executors.port import Executor
from partita.executors.stray_containers import remove_strays
from partita.log_lines import set_up_logs
from partita.settings import Settings, load_settings
from partita.settings_values import ExecutorSettings
from partita.store.opening import open_store
from partita.store.port import Store
from partita.version import VERSION
from partita.workspace.connection import socket_path
from partita.workspace.executors import make_executors, node_classes_of, pools_of, shared_pools_of
from partita.workspace.keeping import FolderKeeping
from partita.workspace.naming import new_run_id
from partita.workspace.place import MovedError, Place
from partita.workspace.settings_changes import digests_of
from partita.workspace.tracing import make_tracing

__all__ = ["serve", "sole_engine", "state_folder"]

_log = logging.getLogger("partita.engine")


def state_folder(project: Path, settings: Settings) -> Path:
    """The folder of the workspace's state: ".partita" below the project, or where the settings say."""
    return (project / settings.state_folder).resolve()


def serve(project: Path, settings: Settings | None = None, *, stays: bool = False) -> bool:
    """Be the engine of a workspace until it is idle. Ends at once where another one is, and says so by False.

    Args:
        settings: instead of those that the project's files and the environment give.
        stays: go on when there is nothing to do, until SIGTERM or SIGINT.

    Raises:
        PartitaError: the workspace cannot be used; said to the log as well.
    """
    secrets_key = take_variable()  # before anything is started
    settings = settings or load_settings(project)
    read = digests_of(settings)
    if stays:
        settings = replace(settings, idle_timeout_s=math.inf)
    if not settings.works:
        settings = replace(settings, spare_workers=0)
    state = state_folder(project, settings)
    state.mkdir(parents=True, exist_ok=True)
    set_up_logs(settings.log_level, settings.log_format)
    with sole_engine(state) as is_sole:
        if not is_sole:
            return False
        for name in ("logs", "blobs", "bundles", "checkpoints", "spill"):
            (state / name).mkdir(exist_ok=True)
        artifacts = place_of(project, settings.artifacts)
        blobs = open_blobs(artifacts, state, is_durable=settings.durability == "full")
        claim(blobs, state)
        place = Place(state)
        store = open_store(state, settings.database, settings.durability)
        remove_strays(state)
        executors = make_executors(project, state, settings, place.name)
        engine: Engine | None = None
        try:
            store.acquire(
                f"{socket.gethostname()}:{os.getpid()}", place=f"{_boot()}:{place.name}", key=key_fingerprint(state),
                lease_s=settings.engine_lease_s, works=settings.works,
            )  # fmt: skip
            _need_workers(store, settings)
            _need_shared_artifacts(store, artifacts)
            engine = _engine(project, state, settings, store, executors, place.guard, blobs, secrets_key)
            engine.start()
            _collect_seldom()
            keeping = FolderKeeping(project, state, settings.database)
            _listen(engine, place, settings, keeping, read, is_interruptible=stays)
        except MovedError as error:
            _log.error("%s", error)
        finally:
            if engine is not None and engine.book.tracing is not None:
                engine.book.tracing.outlet.close()
            for executor in executors.values():
                executor.leave()
            place.leave_unless_kept()
            with contextlib.suppress(StoreError):  # its lease is over by itself then
                store.release()
            store.close()
    return True


def _engine(
    project: Path,
    state: Path,
    settings: Settings,
    store: Store,
    executors: dict[str, Executor],
    guard: Callable[[], None],
    blobs: BlobStore,
    secrets_key: str,
) -> Engine:
    peers, clock, shares = store.peers(), SystemClock(), None
    if peers is not None and settings.slots:
        pools, shares = shared_pools_of(settings, peers, clock)
    else:
        pools = pools_of(settings)
    artifacts = place_of(project, settings.artifacts)
    nodes = node_classes_of(settings)
    said = {name: settings.executors.get(name, ExecutorSettings()) for name in executors}
    lanes = {
        name: Lanes(
            name,
            executor,
            pools[name],
            settings.prefetch,
            nodes[name],
            said[name].price,
            reserves=settings.order == "planned",
            speed=said[name].speed,
            bandwidth=said[name].bandwidth,
        )
        for name, executor in executors.items()
    }
    limits = Limits(
        grace_s=settings.cancel_grace_s, crash_retries=settings.crash_retries, idle_s=settings.idle_timeout_s,
        layout_timeout_s=settings.layout_timeout_s, environment=settings.environment, tasks=settings.tasks,
        is_planned=settings.order == "planned", works=settings.works,
    )  # fmt: skip
    book = Book(
        store, clock, lanes, settings.executor, bundle_shelf(state, settings.database and artifacts),
        os.fspath(project), os.fspath(state), ValueCache(store), limits,
        has_blob=blobs.hold, artifacts=artifacts, peers=peers, shares=shares, secrets_key=secrets_key,
    )  # fmt: skip
    book.tracing = make_tracing(settings.traces, store)
    return Engine(book, time.sleep, new_run_id, guard)


def bundle_shelf(state: Path, place: str) -> Callable[[str], str]:
    """What gives the folder of a bundle by its hash, and fetches it where another machine has put it.

    Args:
        place: where machines that share runs keep bundles, a folder or a URL; empty: this one shares none.
    """

    def folder_of(bundle: str) -> str:
        folder = state / "bundles" / bundle
        if place and not folder.is_dir():
            from partita.artifacts.code.archive import fetch_archive

            try:
                fetch_archive(place, bundle, folder)
            except NotFoundError as error:  # it may come yet
                raise ValueStoreError(str(error)) from error
        return os.fspath(folder)

    return folder_of


def _boot() -> str:
    """What names the time for which this machine is up: numbers of devices and folders name others on another one."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return socket.gethostname()


def _need_workers(store: Store, settings: Settings) -> None:
    """
    Raises:
        SettingsError: the engine is to work on no runs, and there can be no other.
    """
    if not settings.works and store.peers() is None:
        raise SettingsError(
            "`works = false` lets the engine hand runs on to others, and a store in a file has one engine: set `store` to a "
            "PostgreSQL that they share, or leave `works` out"
        )


def _need_shared_artifacts(store: Store, artifacts: str) -> None:
    """Engines that share runs must find each other's values.

    Raises:
        SettingsError: this one keeps them where no other looks.
    """
    peers = store.peers()
    others = peers.others() if peers is not None and not artifacts else []
    if others:
        raise SettingsError(
            f"the engine {others[0].owner} works on the runs in the same schema, and values that it makes are not found here: "
            "set `artifacts` in both projects to a folder or URL that both reach, or give one a schema of its own: ?schema=NAME"
        )


def _collect_seldom() -> None:
    """Look for circles of garbage seldom: steps make none, and looking through all that a large run holds takes long."""
    gc.collect()
    gc.freeze()  # what is there now stays
    gc.set_threshold(20_000, 20, 100)


def _listen(
    engine: Engine,
    place: Place,
    settings: Settings,
    keeping: FolderKeeping,
    read: dict[str, str],
    *,
    is_interruptible: bool,
) -> None:
    state, path = place.folder, socket_path(place.folder)
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    before = os.umask(0o177)
    try:
        listener.bind(os.fspath(path))
    finally:
        os.umask(before)
    listener.listen(64)
    about = {
        "pid": os.getpid(), "socket": os.fspath(path), "version": VERSION, "started_at": time.time(), "settings": read,
    }  # fmt: skip
    (state / "engine.json").write_text(json.dumps(about))
    _log.info("engine %s is up for %s", os.getpid(), state)
    try:
        server = Server(engine, listener, VERSION, settings.engine_lease_s)
        if settings.works:
            server.retention = Retention(engine.book, server.pruning, settings.retention, keeping)
        server.serve(is_interruptible=is_interruptible)
    finally:
        listener.close()
        if place.is_kept():  # else what is there now is another engine's
            path.unlink(missing_ok=True)
            (state / "engine.json").unlink(missing_ok=True)
        _log.info("engine %s ends", os.getpid())


@contextlib.contextmanager
def sole_engine(state: Path) -> Iterator[bool]:
    """Hold the workspace's lock; False where another process does."""
    try:
        file = (state / "engine.lock").open("w")
    except OSError as error:
        raise EngineError(f"the workspace {state} cannot be written: {error.strerror}; make it writable") from None
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            yield False
            return
        yield True


def main() -> int:
    """`python -m partita.workspace FOLDER`: be the engine."""
    try:
        serve(Path(sys.argv[1]))
    except PartitaError as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 4
    return 0
