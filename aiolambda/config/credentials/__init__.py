"""Credentials: where the keys come from, in which order, and how they are renewed."""
