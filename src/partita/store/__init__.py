"""Where the state of runs lies: the port, SQLite, and what has to hold of a file before it is trusted."""
