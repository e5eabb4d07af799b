"""`aiolambda serve`: its options, the functions that they define, and what it shows while it serves."""
