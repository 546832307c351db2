"""What the API and the pages share: who follows what changes, and what is read for both."""
