"""Where attempts run: the port, and local processes."""
