"""`python -m partita.tracing FILE`: send the spans that come over a socket by OTLP, until its other end is closed."""

from __future__ import annotations

import signal
import socket
import sys

from partita.tracing.sending import Sender

__all__: list[str] = []

if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Sender(socket.socket(fileno=int(sys.argv[1]))).serve()
