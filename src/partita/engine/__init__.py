"""The engine: one loop that takes in what happened, advances the runs, commits, and sends orders."""
