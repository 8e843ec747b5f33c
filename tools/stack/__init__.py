"""The whole production topology on one machine, from wheels and pinned jars alone: `make stack`."""
