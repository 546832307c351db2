"""Backups of a workspace while it is in use, and bringing one back."""
