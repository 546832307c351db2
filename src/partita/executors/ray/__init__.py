"""Workers that are actors of a Ray cluster: started, watched and talked to through Ray, which keeps running without an engine."""
