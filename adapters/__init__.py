"""Everything outside our process: drivers live here and nowhere else."""
