"""Decisions, as pure functions: may the function have run, is a call sent again and when, how many run at a time.

Time is an argument: nothing here sends, sleeps or reads a clock.
"""
