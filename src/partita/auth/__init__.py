"""Who may: identities from tokens and sessions, what each role may, and how often signing in may be tried."""
