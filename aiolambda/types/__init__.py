"""Values and interfaces that all layers share: timeouts, limits, credentials, requests, responses, protocol classes.

Imports nothing else of the package at run time.
"""
