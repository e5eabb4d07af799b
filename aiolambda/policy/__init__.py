"""Decisions, as tables and pure functions: time is an argument, nothing is sent, slept or read here."""
