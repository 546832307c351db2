"""What all requests of a server share."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from partita.api.copies import Copies
from partita.api.entrance import Entrance
from partita.api.health import Readiness
from partita.api.identifying import Identifying
from partita.api.launching import Launching
from partita.api.long_requests import LongRequests
from partita.api.metering import Meter
from partita.api.pool import Pool
from partita.api.pushes import Pushes
from partita.api.references import References
from partita.api.remembering import Kept, Remembered
from partita.api.tuning import Tuning
from partita.views.flow_graphs import FlowGraphs
from partita.views.following import Following
from partita.views.graphs import RunAttempts, RunSteps
from partita.views.study_watch import StudyWatch
from partita.views.use_watch import UseWatch

__all__ = ["Server", "ServerSettings"]


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """How a server is reached."""

    hosts: frozenset[str] = frozenset()  # names by which it may be asked, besides addresses of this machine
    url: str = ""  # this server's own address, as browsers reach it
    is_secure: bool = False  # whether browsers reach it by HTTPS
    body_limit_bytes: int = 1 << 20  # of a request, where its route says nothing else
    upload_limit_bytes: int = 1 << 29  # of a bundle
    push_limit_bytes: int = 25 << 20  # of what a Git service tells of a push
    heartbeat_s: float = 15.0  # seconds without news after which a stream shows that it is alive
    streams_at_most: int = 1000
    streams_of_one: int = 300  # that one token or session may have open
    has_open_metrics: bool = False  # whether programs of this machine may read /metrics without a token
    is_developing: bool = False  # pages are made anew when code changes


@dataclass(slots=True)
class Server:
    """One server."""

    pool: Pool
    following: Following
    use: UseWatch
    settings: ServerSettings
    identifying: Identifying
    tuning: Tuning
    entrance: Entrance = field(default_factory=Entrance)
    remembered: Remembered = field(default_factory=Remembered)
    kept: Kept = field(default_factory=Kept)
    references: References = field(default_factory=References)
    run_steps: RunSteps = field(default_factory=RunSteps)
    run_attempts: RunAttempts = field(default_factory=RunAttempts)
    meter: Meter = field(default_factory=Meter)
    readiness: Readiness = field(default_factory=Readiness)
    launching: Launching = field(default_factory=Launching)
    long_requests: LongRequests = field(default_factory=LongRequests)
    copies: Copies = field(default_factory=Copies)
    flow_graphs: FlowGraphs = field(init=False)
    studies: StudyWatch = field(init=False)
    pushes: Pushes = field(init=False)
    streams: int = 0  # that are open
    streams_of: Counter[str] = field(default_factory=Counter)  # by the id of the token or session

    def __post_init__(self) -> None:
        self.flow_graphs = FlowGraphs(lambda: self.pool.workspace, self.following.announce)
        self.studies = StudyWatch(self.following)
        self.pushes = Pushes(lambda: self.pool.workspace, self.following.announce)

    def close(self) -> None:
        self.flow_graphs.close()
        self.pushes.close()
        self.studies.close()
