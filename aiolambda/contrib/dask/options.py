"""The arguments of a map over a cluster, as types."""

import logging
from collections.abc import Callable
from os import PathLike
from typing import Any, Literal, TypedDict

from ...fanout.values import MapStats
from ...operations.payload import Payload
from ...types.interfaces import Codec, RetryStrategy
from ...types.values import HedgeAfter, LogType, PayloadLimits, ResponseLimits, TcpKeepAlive, Timeouts, Unset

__all__ = ["DaskClientSettings", "DaskCommandOptions", "DaskMapOptions"]


class DaskClientSettings(TypedDict, total=False):
    """The keyword arguments of `DaskLambdaClient` that are those of `LambdaClient`, which explains them.

    All but `codec` and `logger` go to the workers, whose clients look the others up there.
    """

    region: str | None
    """The AWS region, such as `"eu-west-1"`."""
    profile: str | None
    """The profile of the AWS config files."""
    endpoint_url: str | None
    """Another endpoint than the region's, such as `"http://localhost:9000"`."""
    ignore_configured_endpoint_urls: bool | None
    """`True` ignores endpoints of environment and profile."""
    use_fips_endpoint: bool | None
    """`True` calls the FIPS endpoint of the region."""
    use_dualstack_endpoint: bool | None
    """`True` calls the endpoint that has IPv6 too."""
    use_arn_region: bool
    """`True` sends a call to the region that the function's ARN names."""
    timeout: float | Timeouts | None
    """Seconds for each whole call, or `Timeouts`."""
    tcp_keepalive: TcpKeepAlive | Unset | None
    """When to probe silent connections; `None`: never."""
    retry: RetryStrategy | None
    """The retry strategy."""
    retry_stale_connections: bool
    """`True` (the default) sends again at once if the server had closed the pooled connection."""
    disable_clock_skew_correction: bool | None
    """`True` never adapts to the clock of the service."""
    max_concurrency: int | None
    """Invocations in flight of one worker. Default: the `concurrency` of the cluster, else 1,000."""
    idempotent: bool | None
    """`True`: running any function twice does no harm."""
    hedge_after: HedgeAfter | None
    """When an idempotent item that has no answer is sent a second time, by its worker. Default `None`: never."""
    limits: PayloadLimits
    """The largest payloads and client context to send, in bytes."""
    response_limits: ResponseLimits
    """The largest answer to accept, in bytes."""
    codec: Codec
    """Converts values to payloads, and answers to values, in this program. Default `JsonCodec()`."""
    idle_connection_timeout: float
    """Seconds after which an unused connection is closed."""
    ca_bundle: str | PathLike[str] | None
    """A PEM file or a folder of certificates to trust, by a path that every worker has."""
    proxy: str | None
    """The URL of an HTTP proxy, without a user. Looked up on each worker."""
    logger: logging.Logger | None
    """The logger of the maps, in this program. The workers log to `logging.getLogger("aiolambda")`."""
    user_agent_extra: str | None
    """Text that is appended to the user agent."""
    user_agent_app_id: str | None
    """The name of your program in the user agent."""


class DaskCommandOptions(TypedDict, total=False):
    """The keyword arguments that `map` and `map_commands` share with those of `LambdaClient`, which explain them."""

    ordered: bool
    """`True` yields the results in the order of the items. By default they come as they arrive."""
    key: Callable[[Any], str] | None
    """A function that returns the name of an item in the journal. By default a hash of the payload."""
    idempotent: bool | None
    """`True` if running the function twice does no harm. Items of a lost worker are then sent again."""
    hedge_after: HedgeAfter | Unset | None
    """When an idempotent item that has no answer is sent a second time, by its worker. Default: as the client says."""
    retry_function_errors: int
    """How often an item whose function failed is sent again. Default 0."""
    max_failures: int | None
    """The number of failed items that are accepted. Default `None`: any number."""
    max_failure_ratio: float | None
    """The share of failed items that is accepted, from 0 to 1. Default `None`: any share."""
    timeout: float | Timeouts | Unset | None
    """Seconds for one invocation, from its slot on, or `Timeouts`. Default: that of the client."""
    deadline: float | None
    """Seconds from the start of the run after which nothing more is sent. Default none."""
    journal: str | PathLike[str] | None
    """The path of a file from which a later run resumes, on the machine of the coordinator. Default: no journal."""
    journal_results: Literal["all", "outcome"]
    """What the journal keeps of a result: `"all"` (the default), or only its `"outcome"`."""
    retry_failed: bool
    """`True` sends again what has failed in an earlier run, as far as that is safe. Default `False`."""
    on_progress: Callable[[MapStats], None] | None
    """A function that receives the totals, at most ten times a second."""


class DaskMapOptions(DaskCommandOptions, total=False):
    """The keyword arguments of `DaskLambdaClient.map`: those of `LambdaClient.map`, without `concurrency`."""

    payload: Callable[[Any], Payload] | None
    """A function that returns the payload of an item. By default the item itself is the payload."""
    invocation_type: Literal["RequestResponse", "Event"]
    """`"RequestResponse"` (the default), or `"Event"` to queue an event for each item."""
    qualifier: str | None
    """A version or an alias. Default: the latest version."""
    tenant_id: str | None
    """The tenant, for a function with tenant isolation."""
    log_type: LogType | None
    """`"Tail"` fills `billed_ms` and `cold_starts` of `run.stats`. Default: no log."""
