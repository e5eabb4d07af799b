"""Endpoints of Lambda: the URL for a region, FIPS and dual-stack, and the region and name to sign for.

Owns these rules. Must not know how region, URL and options were configured.
Source: the endpoint rule set of Lambda.
"""

import re
from functools import lru_cache
from urllib.parse import urlsplit

import attrs

from ..errors import ConfigurationError

__all__ = ["Endpoint", "Partition", "checked_region", "endpoint_for", "is_aws_url", "partition_of", "without_fips_mark"]


@attrs.frozen(eq=False, repr=False)
class Partition:
    """A partition of AWS, with the DNS suffixes of its endpoints and of its dual-stack endpoints (IPv4 and IPv6).

    `None` if the partition has no endpoints of that kind.
    """

    id: str
    _beginnings: tuple[str, ...]
    """The prefixes of its region names."""
    dns_suffix: str
    dualstack_dns_suffix: str | None
    supports_fips: bool = True

    def has(self, region: str) -> bool:
        """Whether a region belongs to this partition; so does its pseudo-region, such as `aws-global`."""
        if region == f"{self.id}-global":
            return True
        beginning = next(filter(region.startswith, self._beginnings), None)
        return beginning is not None and re.fullmatch(r"\w+-\d+", region.removeprefix(beginning)) is not None


_AWS = Partition("aws", ("us-", "eu-", "ap-", "sa-", "ca-", "me-", "af-", "il-", "mx-"), "amazonaws.com", "api.aws")
_OTHERS = (
    Partition("aws-cn", ("cn-",), "amazonaws.com.cn", "api.amazonwebservices.com.cn"),
    Partition("aws-us-gov", ("us-gov-",), "amazonaws.com", "api.aws"),
    Partition("aws-eusc", ("eusc-de-",), "amazonaws.eu", "api.amazonwebservices.eu"),
    Partition("aws-iso", ("us-iso-",), "c2s.ic.gov", "api.aws.ic.gov"),
    Partition("aws-iso-b", ("us-isob-",), "sc2s.sgov.gov", "api.aws.scloud"),
    Partition("aws-iso-e", ("eu-isoe-",), "cloud.adc-e.uk", "api.cloud-aws.adc-e.uk"),
    Partition("aws-iso-f", ("us-isof-",), "csp.hci.ic.gov", "api.aws.hci.ic.gov"),
)


def partition_of(region: str) -> Partition:
    """The partition of a region, known or new; `aws` if no pattern matches."""
    return next((partition for partition in _OTHERS if partition.has(region)), _AWS)


_SUFFIXES = tuple(
    f".{suffix}"
    for partition in (_AWS, *_OTHERS)
    for suffix in (partition.dns_suffix, partition.dualstack_dns_suffix)
    if suffix is not None
)


@lru_cache(maxsize=1024)
def is_aws_url(url: str) -> bool:
    """Whether the host of a URL is under a DNS suffix of AWS: an endpoint of any partition, or of PrivateLink."""
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:
        return False
    return host.rstrip(".").endswith(_SUFFIXES)


_REGION = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"


@attrs.frozen(kw_only=True)
class Endpoint:
    """A URL without a trailing slash, and the scope of its signatures. Only a custom URL may have no region."""

    url: str
    signing_region: str | None
    signing_name: str = "lambda"
    partition: str


def endpoint_for(
    region: str | None, *, use_fips: bool = False, use_dualstack: bool = False, custom_url: str | None = None
) -> Endpoint:
    """The endpoint. `ConfigurationError` if the options contradict each other, or the partition has no such endpoint."""
    if custom_url is not None:
        for chosen, name in ((use_fips, "FIPS"), (use_dualstack, "dual-stack")):
            if chosen:
                raise ConfigurationError(
                    f"a {name} endpoint and a custom endpoint URL contradict each other: set only one of them"
                )
        return Endpoint(url=custom_url, signing_region=region, partition=partition_of(region or "").id)
    if region is None:
        raise ConfigurationError("no endpoint: set region= or endpoint_url=")
    partition = partition_of(region)
    suffix = _suffix(partition, use_fips=use_fips, use_dualstack=use_dualstack)
    host = "lambda-fips" if use_fips else "lambda"
    return Endpoint(url=f"https://{host}.{region}.{suffix}", signing_region=region, partition=partition.id)


def _suffix(partition: Partition, *, use_fips: bool, use_dualstack: bool) -> str:
    suffix = partition.dualstack_dns_suffix if use_dualstack else partition.dns_suffix
    if suffix is None or (use_fips and not partition.supports_fips):
        kind = " and ".join(name for name, chosen in (("FIPS", use_fips), ("dual-stack", use_dualstack)) if chosen)
        raise ConfigurationError(f"the partition {partition.id} has no {kind} endpoints; use another region or endpoint")
    return suffix


def checked_region(region: str, source: str) -> str:
    """The region. `ConfigurationError`, which names the source, if it cannot be part of a host name."""
    if re.fullmatch(_REGION, region) is None:
        raise ConfigurationError(f"{region!r} (from {source}) is not a region, such as 'eu-west-1'")
    return region


def without_fips_mark(region: str) -> tuple[str, bool]:
    """The region of a pseudo-region such as `fips-us-east-1` or `us-east-1-fips`, and whether it was one."""
    plain = region.removeprefix("fips-").removesuffix("-fips")
    return plain, plain != region
