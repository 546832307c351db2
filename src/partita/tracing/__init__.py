"""How spans leave the engine: over a socket to a process that sends them by OTLP."""
