"""More than one core for a map: processes that send its commands, while the process of the map decides everything else."""
