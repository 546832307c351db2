"""Making YAML flows of what exists: flows in Python, workflows of GitHub Actions, DAGs of Airflow written as YAML."""

from __future__ import annotations

from partita.flow.yaml.convert.airflow import from_airflow
from partita.flow.yaml.convert.github import from_github
from partita.flow.yaml.convert.graph import flow_as_yaml

__all__ = ["flow_as_yaml", "from_airflow", "from_github"]
