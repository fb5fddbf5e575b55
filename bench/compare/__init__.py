"""Two saved runs, or all of them: what changed."""
