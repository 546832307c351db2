"""A small agent for Ray's post and launcher: it does what the engine's messages say, and answers."""

from __future__ import annotations

import os
import select
import subprocess
from collections.abc import Mapping, Sequence

from partita.executors.ray.agent_post import RayAgentPost
from partita.protocol.messages import STOP

ECHO, ABOUT, FAIL, END, SPAWN, HANG, DURABLE = range(100, 107)


def serve(post: RayAgentPost, arguments: Sequence[str], secrets: Mapping[str, str]) -> None:
    """Until STOP, END, or the lease has run out."""
    while not post.is_orphaned():
        select.select(post.filenos(), [], [], 0.2)
        for tag, *told in post.receive():
            if tag in (STOP, END):
                post.send([[END]])
                return
            if tag == ECHO:
                post.send([[ECHO, *told]])
            elif tag == ABOUT:
                post.send([[ABOUT, os.getpid(), list(arguments), sorted(secrets), dict(os.environ)]])
            elif tag == FAIL:
                raise RuntimeError("the agent is broken")
            elif tag == SPAWN:
                child = subprocess.Popen(["sleep", "600"], start_new_session=True)
                post.send([[SPAWN, os.getpid(), child.pid]])
            elif tag == HANG:
                while True:
                    select.select([], [], [], 600)
            elif tag == DURABLE:
                post.send([[DURABLE, "said"]], is_durable=True)
                post.send([[DURABLE, "known"]])
