"""A Lambda endpoint on this machine: the Invoke API in front, real runtime processes behind, loopback only.

Owns what AWS runs on its side of the wire. Must not know the commands that start it, nor be known by the client.
"""

from .api.endpoint import LocalEndpoint
from .functions import LocalFunction

__all__ = ["LocalEndpoint", "LocalFunction"]
