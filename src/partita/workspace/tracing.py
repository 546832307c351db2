"""Whether and where the engine traces runs, by its setting and the standard variables of OpenTelemetry."""

from __future__ import annotations

import importlib.util
import logging
import os
from collections.abc import Mapping

from partita.engine.tracing import Tracing
from partita.errors import MissingExtraError
from partita.store.port import Store
from partita.tracing.outlet import ProcessOutlet, environment_for

__all__ = ["make_tracing", "sampled_share"]

_log = logging.getLogger("partita.engine")
_ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
_TRUE = "true"


def make_tracing(setting: str, store: Store, environment: Mapping[str, str] = os.environ) -> Tracing | None:
    """What makes spans; None: nobody wants any.

    Args:
        setting: "auto", "off" or the address of a receiver.

    Raises:
        MissingExtraError: an address is set, and what sends spans is not installed.
    """
    is_disabled = environment.get("OTEL_SDK_DISABLED", "").lower() == _TRUE
    if setting == "off" or is_disabled:
        return None
    if setting == "auto":
        is_named = any(environment.get(name) for name in _ENDPOINTS)
        if not is_named or environment.get("OTEL_TRACES_EXPORTER", "otlp") != "otlp":
            return None
    if not _is_installed():
        told = "traces of runs need OpenTelemetry: pip install 'partita[tracing]'"
        if setting == "auto":
            _log.warning("%s; the variable OTEL_EXPORTER_OTLP_ENDPOINT is set, and no traces are made", told)
            return None
        raise MissingExtraError(f'{told}, or set traces to "off"')
    outlet = ProcessOutlet(environment_for("" if setting == "auto" else setting, environment))
    return Tracing(outlet, store, sampled_share(environment))


def _is_installed() -> bool:
    try:
        return importlib.util.find_spec("opentelemetry.exporter.otlp.proto.http") is not None
    except ModuleNotFoundError:
        return False


def sampled_share(environment: Mapping[str, str]) -> float:
    """Which share of runs is traced, by OTEL_TRACES_SAMPLER and its argument."""
    sampler = environment.get("OTEL_TRACES_SAMPLER", "parentbased_always_on").removeprefix("parentbased_")
    if sampler == "always_off":
        return 0.0
    if sampler != "traceidratio":
        return 1.0
    try:
        return min(max(float(environment.get("OTEL_TRACES_SAMPLER_ARG", "1")), 0.0), 1.0)
    except ValueError:
        return 1.0
