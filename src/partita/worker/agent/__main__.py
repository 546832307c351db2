"""`python -m partita.worker.agent`: the agent of one session, in a container or pod, or wherever else a launcher starts it."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import tempfile
from pathlib import Path

from partita.artifacts.objects import open_objects
from partita.errors import PartitaError
from partita.executors.remote.mailbox import Pace
from partita.worker.agent.mailbox import MailboxPost
from partita.worker.agent.serving import agent_parser, serve_session
from partita.worker.first_process import leave_first_process

__all__ = ["main"]

_TROUBLE = 3


def main(arguments: list[str]) -> int:
    """Serve until the engine says stop, or nobody waits any more."""
    if os.getpid() == 1:
        leave_first_process([signal.SIGTERM])
    told = agent_parser().parse_args(arguments)
    workspace = Path(tempfile.mkdtemp(prefix=f"partita-{told.session}-"))
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    key, signing = bytes.fromhex(os.environ.pop("PARTITA_AGENT_KEY", "")), os.environ.pop("PARTITA_VALUES_KEY", "")
    try:
        pace = Pace(told.pace_s, told.pace_s * 50)
        post = MailboxPost(open_objects(told.mailbox), told.session, key, lease_s=told.lease_s, pace=pace)
        serve_session(post, told, workspace, signing)
    except PartitaError as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return _TROUBLE
    finally:
        shutil.rmtree(workspace, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
