"""Bytes and values of the Lambda API: names, signatures, requests, answers. Pure: no clock, no socket, no environment."""
