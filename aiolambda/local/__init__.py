"""A local Lambda endpoint: the Invoke API, the processes that run the handlers, and the definitions of the functions.

    async with LocalEndpoint([function]) as endpoint:
        ...  # invoke `endpoint.url` with `endpoint.credentials`

It listens on 127.0.0.1 only. Must not know the command line; the client must not know this package.
"""

from .api.endpoint import LocalEndpoint
from .functions import LocalFunction

__all__ = ["LocalEndpoint", "LocalFunction"]
