"""Proofs that take minutes, each with a fiftieth of its size in the suite."""
