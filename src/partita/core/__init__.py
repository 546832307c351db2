"""Pure: states, records, graph, policy, resources and the machine that advances a run. No I/O, no clock, no randomness."""
