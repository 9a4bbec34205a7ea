"""How long the action takes, beside what else a team could run: `make bench`."""
