"""Where Lambda is: the URL for a region, FIPS and dual-stack, and what it is signed for.

Owns these rules. Must not know where region, URL and options were configured.
Source: the endpoint rule set of Lambda.
"""

import re

import attrs

from ..errors import ConfigurationError
from .partitions import Partition, partition_of

__all__ = ["Endpoint", "checked_region", "endpoint_for", "without_fips_mark"]

_REGION = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"


@attrs.frozen(kw_only=True)
class Endpoint:
    """A URL without a trailing slash, and what its requests are signed for. Only a custom URL can be without a region."""

    url: str
    signing_region: str | None
    signing_name: str = "lambda"
    partition: str


def endpoint_for(
    region: str | None, *, use_fips: bool = False, use_dualstack: bool = False, custom_url: str | None = None
) -> Endpoint:
    """The endpoint. `ConfigurationError` where the options contradict each other, or the partition has no such endpoint."""
    if custom_url is not None:
        _check_alone(use_fips=use_fips, use_dualstack=use_dualstack)
        return Endpoint(url=custom_url, signing_region=region, partition=partition_of(region or "").id)
    if region is None:
        raise ConfigurationError("without a region and an endpoint URL there is no endpoint")
    partition = partition_of(region)
    suffix = _suffix(partition, use_fips=use_fips, use_dualstack=use_dualstack)
    host = "lambda-fips" if use_fips else "lambda"
    return Endpoint(url=f"https://{host}.{region}.{suffix}", signing_region=region, partition=partition.id)


def _check_alone(*, use_fips: bool, use_dualstack: bool) -> None:
    for chosen, name in ((use_fips, "FIPS"), (use_dualstack, "dual-stack")):
        if chosen:
            raise ConfigurationError(f"a {name} endpoint and a custom endpoint URL contradict each other: give one of them")


def _suffix(partition: Partition, *, use_fips: bool, use_dualstack: bool) -> str:
    suffix = partition.dualstack_dns_suffix if use_dualstack else partition.dns_suffix
    if suffix is None or (use_fips and not partition.supports_fips):
        kind = " and ".join(name for name, chosen in (("FIPS", use_fips), ("dual-stack", use_dualstack)) if chosen)
        raise ConfigurationError(f"the partition {partition.id} has no endpoints of the kind {kind}")
    return suffix


def checked_region(region: str, source: str) -> str:
    """The region, if it can be part of a host name; `ConfigurationError` names the source otherwise."""
    if re.fullmatch(_REGION, region) is None:
        raise ConfigurationError(f"{region!r} (from {source}) is not a region, such as 'eu-west-1'")
    return region


def without_fips_mark(region: str) -> tuple[str, bool]:
    """The region behind a pseudo-region such as `fips-us-east-1` or `us-east-1-fips`, and whether it was one."""
    plain = region.removeprefix("fips-").removesuffix("-fips")
    return plain, plain != region
