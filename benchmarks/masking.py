"""How fast secrets are taken out of what a step prints: 50 MB through the pipe in front of a log.

    python benchmarks/masking.py

Lines as a training loop prints them, and blocks of 64 KiB, with one secret and with three.
"""

from __future__ import annotations

import os
import tempfile
import time

from partita.worker.masking import Masker, MaskingPipe

_BYTES = 50_000_000
_SECRETS = ("s3cr3t-0123456789", 'p@ss/w+rd "x" 123!', "ghp_abcdefghijklmnopqrstuvwxyz0123456789")
_LINE = b"epoch 17 loss=0.123456 accuracy 0.98 the quick brown fox jumps over the lazy dog\n"


def measure(secrets: tuple[str, ...], piece: bytes) -> tuple[float, float]:
    """Seconds, and seconds of processor time, that it takes."""
    with tempfile.TemporaryFile() as log:
        begun_s, begun_cpu_s = time.perf_counter(), time.process_time()
        pipe = MaskingPipe(Masker(secrets), log.fileno())
        for _ in range(_BYTES // len(piece)):
            view = memoryview(piece)
            while view:
                view = view[os.write(pipe.entrance, view) :]
        pipe.close()
        return time.perf_counter() - begun_s, time.process_time() - begun_cpu_s


def main() -> None:
    for secrets in (_SECRETS[:1], _SECRETS):
        for what, piece in (("lines", _LINE), ("blocks", _LINE * (65_536 // len(_LINE)))):
            seconds, cpu_s = measure(secrets, piece)
            print(f"{len(secrets)} secrets, {what}: {seconds:.2f} s, {cpu_s:.2f} s of processor time")


if __name__ == "__main__":
    main()
