"""The settings of a client: what its caller gave, and on request what that comes to.

Owns the class that users make. Must not know how a setting is found.
"""

import os
from typing import TYPE_CHECKING

from .arguments import Arguments

if TYPE_CHECKING:
    from .setting_report import Explained

__all__ = ["LambdaClientConfig"]


class LambdaClientConfig(Arguments):
    """Everything that can be said of a client; `None` is "look it up", or the default that stands here.

    `region`, `profile`, `credentials`, `endpoint_url`, `ignore_configured_endpoint_urls`, `use_fips_endpoint`,
    `use_dualstack_endpoint`, `retry`, `ca_bundle`, `proxy`, `tcp_keepalive`, `user_agent_app_id` and
    `disable_clock_skew_correction` are looked up where they are not given: in the environment, then in the profile.
    `explain()` says what was found where.

    A value of a wrong type is refused when the client is built, with the setting's name.

    `timeout` is in seconds for the whole call, or `Timeouts`. `idle_connection_timeout` is in seconds. `max_concurrency` is
    the number of invocations in flight. `tcp_keepalive=None` switches the probes off. `ca_bundle` is a PEM file, or a folder
    of certificates. `ssl_context` is an `ssl.SSLContext` in place of one, such as one with a client certificate: it is used for
    the endpoint, and for a proxy that is reached over https, and it must verify the server. `proxy` is a URL, which may hold
    the proxy's user and password, percent-encoded; `""` is none, whatever the environment says. `retry` is a `StandardRetry()`
    of the client's own, if nothing is given. `use_arn_region` lets a function's ARN be of another region than the client's: the
    call goes there. `idempotent` says that running a function twice does no harm; `False` also switches off what an invocation
    implies. `retry_stale_connections=False` stops the repeat of a request that found its pooled connection ended by the server
    before any byte of it had arrived. `limits` are those of requests, `response_limits` those of responses.
    """

    __slots__ = ()

    def explained(self) -> "tuple[Explained, ...]":
        """Each setting with its value, its source and what could set it. Before the client is open it reads files: it blocks.

        What is wrong stands beside its setting as `problem`; nothing is raised. No secret is in it.
        """
        looked_up = self._looked_up
        if looked_up is not None and looked_up.owner is self:
            return looked_up.explained()
        from .resolve import explain  # noqa: PLC0415 - reads files, and so does loading it

        return explain(self, os.environ)

    def explain(self) -> str:
        """The same as a table to print."""
        from .setting_report import as_table  # noqa: PLC0415 - as above

        return as_table(self.explained())
