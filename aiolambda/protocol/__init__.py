"""The formats of AWS, as pure functions: names, URLs, signatures, endpoints, event streams, error and success responses.

Nothing here reads a clock, a socket or the environment.
"""
