"""Defining flows: tasks, flows, what a call of them becomes, and how their code is found again in a worker.

- what a user writes: task, flow (both are a definition), command, with options and units
- what stands for values that are not there yet: ref, mapped, settle
- what a call means where it is made: ambient; a flow's body with plain values: eager
- laying out: entry, layout, mapping; arguments as nodes: arguments, outer; for the engine: profiles, frames, places
- what is refused before anything runs: signature, inputs, types, values, edges, checks; when a value arrives: arrival
- what a worker asks: loading, context, retries, programs; how a run is started: launching
"""
