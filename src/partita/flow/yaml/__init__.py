"""Flows written as YAML: read with their places, checked as a whole, and laid out as the same steps as in Python."""

from __future__ import annotations

from partita.flow.yaml.loading import load_flow

__all__ = ["load_flow"]
