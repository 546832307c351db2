"""Watching models and data.

drift.py   whether a column's values are distributed as they were, and by how much not
columns.py that for all columns of a table, with control of how often one alarms by chance
"""
