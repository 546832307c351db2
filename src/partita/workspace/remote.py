"""Executors whose workers run elsewhere, put together from the settings."""

from __future__ import annotations

import hmac
import os
from collections.abc import Callable
from hashlib import blake2b, sha256
from pathlib import Path

from partita.artifacts.blobs.placing import is_url, place_of
from partita.artifacts.code.archive import put_archive
from partita.artifacts.keys import workspace_key
from partita.artifacts.objects import open_objects
from partita.artifacts.signing import share_signing, worker_secret
from partita.executors.docker import Containers, DockerLauncher
from partita.executors.port import Capacity
from partita.executors.remote.executor import RemoteExecutor
from partita.executors.remote.mailbox import Mailbox, Pace
from partita.executors.remote.port import AgentCommand, Launcher, Post
from partita.settings_values import ExecutorSettings
from partita.workspace.executors import Ground, packages_remedy

__all__ = ["docker_executor"]

#: Shortest time between two looks into a mailbox, in seconds: in a folder, and behind a URL.
_FOLDER_PACE_S, _URL_PACE_S = 0.002, 0.01
_SLOWEST = 50


def executor_key(ground: Ground) -> bytes:
    """The key with which the messages of one executor are signed, and no other's."""
    return hmac.digest(workspace_key(ground.state), b"executor\0" + ground.name.encode(), sha256)


def agent_of(ground: Ground, mailbox: str, artifacts: str, item: ExecutorSettings) -> AgentCommand:
    """How agents of the executor are started."""
    # The engine ends what has nothing to do; an agent does only where it has lost sight of that engine.
    seconds = {"lease": item.lease_s, "idle": item.idle_s + 2 * item.lease_s, "pace": pace_of(mailbox)}
    arguments = ["--mailbox", mailbox, "--artifacts", artifacts]
    for name, amount_s in seconds.items():
        arguments += [f"--{name}-s", f"{amount_s:g}"]
    elsewhere = [name for name, each in ground.settings.executors.items() if each.kind != "process"]
    share_signing(ground.state)
    secrets = {
        "PARTITA_AGENT_KEY": executor_key(ground).hex(),
        "PARTITA_VALUES_KEY": worker_secret(ground.state, ground.name, elsewhere),
    }
    return AgentCommand(tuple(arguments), {"PARTITA_DURABILITY": ground.settings.durability}, secrets)


def mailbox_of(ground: Ground, artifacts: str) -> str:
    """The folder or URL where workers of this engine's executor are heard: no other engine's lie there."""
    whose = blake2b(ground.origin.encode(), digest_size=6).hexdigest()
    return f"{artifacts}/executors/{ground.name}/{whose}"


def pace_of(mailbox: str) -> float:
    """How often a mailbox may be looked into, in seconds."""
    return _URL_PACE_S if is_url(mailbox) else _FOLDER_PACE_S


def open_mailbox(ground: Ground, mailbox: str, lease_s: float) -> Mailbox:
    """The engine's end of an executor's mailbox."""
    pace_s = pace_of(mailbox)
    pace = Pace(pace_s, pace_s * _SLOWEST)
    return Mailbox(open_objects(mailbox), executor_key(ground), lease_s=lease_s, pace=pace)


def sharer(artifacts: str) -> Callable[[str], None]:
    """Puts bundles where workers that see nothing of this machine fetch them."""

    def share(bundle: str) -> None:
        folder = Path(bundle)
        put_archive(artifacts, folder.name, folder)

    return share


def remote_executor(
    item: ExecutorSettings,
    capacity: Capacity,
    ground: Ground,
    launcher: Launcher,
    post: Post,
    share: Callable[[str], None] = lambda bundle: None,
) -> RemoteExecutor:
    """The executor over a launcher and a post, as its settings say.

    Args:
        share: puts a bundle where workers fetch it; by default they see it where it is.
    """
    refusal = f"the executor {ground.name} makes no environments; the packages: {packages_remedy(item)}"
    return RemoteExecutor(
        capacity, workspace=ground.state, launcher=launcher, post=post, share=share, lease_s=item.lease_s,
        idle_s=item.idle_s, attempts=item.attempts_per_worker, spare=item.spare_workers, price=item.price,
        environment_refusal=refusal,
    )  # fmt: skip


def docker_executor(item: ExecutorSettings, capacity: Capacity, ground: Ground) -> RemoteExecutor:
    """Workers in containers of this machine, which see the project, the code, the artifacts and their own mailbox."""
    state = ground.state
    artifacts = place_of(ground.project, ground.settings.artifacts) or os.fspath(state / "blobs")
    mailbox, bundles = Path(mailbox_of(ground, os.fspath(state))), state / "bundles"
    mailbox.mkdir(parents=True, exist_ok=True)
    folders = [mailbox] if is_url(artifacts) else [mailbox, Path(artifacts)]
    hidden = (state,) if state.is_relative_to(ground.project) else ()
    containers = Containers(
        item.image, ground.project, network=item.network, user=item.user, mounts=item.mounts, variables=item.variables,
        python=item.python, pull=item.pull, hidden=hidden,
        folders=tuple(folders), read_only=(bundles,),
    )  # fmt: skip
    agent = agent_of(ground, os.fspath(mailbox), artifacts, item)
    launcher = DockerLauncher(containers, capacity, agent, ground.origin, os.environ)
    return remote_executor(item, capacity, ground, launcher, open_mailbox(ground, os.fspath(mailbox), item.lease_s))
