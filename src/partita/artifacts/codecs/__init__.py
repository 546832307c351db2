"""How values become bytes and back: the port of codecs, those that Partita brings, and pickles for what is left."""
