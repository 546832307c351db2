"""Environments of tasks: virtual environments that uv makes, kept under the hash of what was declared."""
