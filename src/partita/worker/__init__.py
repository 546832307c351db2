"""One attempt after the other: load, run, write, report."""
