"""Code as an artifact: which files belong to a project, how they travel, and what a function's work depends on."""
