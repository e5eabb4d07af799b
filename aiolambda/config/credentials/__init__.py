"""Credentials: their sources, the order of the sources, and the renewal of keys."""
