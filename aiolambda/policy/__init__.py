"""Decisions about calls, as tables and pure functions. Time is an argument: nothing here sends, sleeps or reads a clock."""
