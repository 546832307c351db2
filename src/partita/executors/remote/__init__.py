"""Executors whose workers run elsewhere: one executor over two ports, for starting workers and for talking to them."""
