"""Durable executions of a script: what they do as time passes, and what the API answers about them."""
