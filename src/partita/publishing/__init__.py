"""Flows that are published: what they take, what a version changes, what has to hold, and from where they come.

types, describing    what a flow takes and gives, read in a worker
functions, diff      what a version changes against another one
gates, checking      what has to hold before a version is published or promoted, and the flow that checks it
repository, pushes   what Git and the services around it tell
rules, surroundings  which branch or tag goes to which stage, and what a CI system says of itself
"""
