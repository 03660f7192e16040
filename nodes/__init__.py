"""One folder per node: all that it knows."""
