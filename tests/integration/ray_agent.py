"""A small agent for Ray's post and launcher: it does what the engine's messages say, and answers."""

from __future__ import annotations

import os
import select
import signal
import subprocess
from collections.abc import Mapping, Sequence
from typing import Any

from partita.executors.ray.agent_post import RayAgentPost
from partita.protocol.messages import STOP

ECHO, ABOUT, FAIL, END, SPAWN, HUNG, DURABLE = range(100, 107)


def serve(post: RayAgentPost, arguments: Sequence[str], variables: Mapping[str, str]) -> None:
    """Until STOP, END, or the lease has run out."""
    while not post.is_orphaned():
        select.select(post.filenos(), [], [], 0.2)
        for tag, *told in post.receive():
            match tag:
                case _ if tag in (STOP, END):
                    post.send([[END]])
                    return
                case _ if tag == ECHO:
                    post.send([[ECHO, *told]])
                case _ if tag == ABOUT:
                    post.send([[ABOUT, os.getpid(), list(arguments), sorted(variables), dict(os.environ)]])
                case _ if tag == FAIL:
                    raise RuntimeError("the agent is broken")
                case _ if tag == SPAWN:
                    post.send([[SPAWN, subprocess.Popen(["sleep", "600"]).pid]])
                case _ if tag == HUNG:
                    signal.pthread_sigmask(signal.SIG_BLOCK, [])
                    while True:
                        select.select([], [], [], 600)
                case _ if tag == DURABLE:
                    post.send([[DURABLE, "said"]], is_durable=True)
                    post.send([[DURABLE, "known"]])


def messages_of(found: list[tuple[str, list[Any]]], session: str) -> list[Any]:
    """What a session has said, of all that was received."""
    return [message for name, messages in found if name == session for message in messages]
