"""The agent: what speaks for a worker that runs elsewhere, and holds the process that works."""
