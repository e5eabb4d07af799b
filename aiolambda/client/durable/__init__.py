"""Durable executions, followed: starting one, waiting for its result, its history, and its callbacks.

`client.durable_calls` loads these modules when the first of them is needed.
"""
