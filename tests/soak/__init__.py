"""Proofs that take minutes: `python -m tests.soak.NAME`. The README of this folder lists them. The suite runs them small."""
