"""The catalogue of tasks and flows that others made or that lie in the project, read without importing them.

records.py    what is known of a component
modules.py    modules as their source says, found without importing
reading.py    what a name of a module is: a task, a flow, a class of tasks, and their parameters
docstrings.py summary, arguments and result from a docstring
packages.py   components of installed packages, by their entry points
yaml_flows.py  flows that are written as YAML files
searching.py  which components some words mean
"""

from __future__ import annotations

from partita.flow.catalogue.packages import GROUP, installed_components
from partita.flow.catalogue.reading import components_of
from partita.flow.catalogue.records import Broken, Component, ComponentParameter
from partita.flow.catalogue.searching import search_components

__all__ = [
    "GROUP",
    "Broken",
    "Component",
    "ComponentParameter",
    "components_of",
    "installed_components",
    "search_components",
]
