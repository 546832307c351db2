"""Defining flows: tasks, flows, what a call of them becomes, and how their code is found again in a worker.

options, units, task, flow, command    what a user writes
ref, mapped, settle                    what stands for values that are not there yet
ambient, eager, layout, arguments      what a call does: a plain call, or a step of a graph
signature, inputs, types, checks       what is refused before anything runs
loading, context, launching            where a function lies, what an attempt can ask, how a run is started
"""
