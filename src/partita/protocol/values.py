"""Moved to partita.values."""
from partita.values import *  # noqa
