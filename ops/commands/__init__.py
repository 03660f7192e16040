"""What the commands of `covergen` do, one module per theme. The table of commands is in `ops/cli.py`."""
