"""The typed client of a server's HTTP API, and the `Workspace` over it that the command line uses.

addresses     the URL of a server, and when a token may go there
credentials   tokens that `partita login` keeps
transport     one request: retries, time-outs, errors
streams       server-sent events, again after each break
calls         what the parts of the client share
client        all calls, typed
remote        a server's workspace as a `Workspace`
"""

from __future__ import annotations

from partita.client.client import Client, connect
from partita.client.remote import RemoteWorkspace, open_remote

__all__ = ["Client", "RemoteWorkspace", "connect", "open_remote"]
