"""Pure: what is ready is ordered and placed here."""
