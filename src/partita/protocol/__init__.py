"""What engine, workers and clients say to each other, as plain data."""
