"""The partitions of AWS: which one a region is of, the DNS names of each, and which hosts are theirs.

Owns this table. Must not know any service.
Source: the partitions file that the AWS SDKs share.
"""

import re
from functools import lru_cache
from urllib.parse import urlsplit

import attrs

__all__ = ["Partition", "is_aws_url", "partition_of"]


@attrs.frozen(eq=False, repr=False)
class Partition:
    """A partition, and the DNS suffixes of its endpoints: the usual one, and that of the dual-stack ones (IPv4 and IPv6).

    A suffix of `None` is a kind of endpoint that the partition does not have.
    """

    id: str
    _beginnings: tuple[str, ...]
    """What its regions' names begin with."""
    dns_suffix: str
    dualstack_dns_suffix: str | None
    supports_fips: bool = True

    def has(self, region: str) -> bool:
        """Whether a region, or the partition's own pseudo-region, is of this partition."""
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
    """The partition of a region, known or new; `aws` for what no pattern fits."""
    return next((partition for partition in _OTHERS if partition.has(region)), _AWS)


_SUFFIXES = tuple(
    f".{suffix}"
    for partition in (_AWS, *_OTHERS)
    for suffix in (partition.dns_suffix, partition.dualstack_dns_suffix)
    if suffix is not None
)


@lru_cache(maxsize=1024)
def is_aws_url(url: str) -> bool:
    """Whether a URL's host is under a DNS suffix of AWS: an endpoint of any partition, or of PrivateLink."""
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:
        return False
    return host.rstrip(".").endswith(_SUFFIXES)
