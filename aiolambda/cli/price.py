"""`--price`: what billed invocations cost, by prices that the user gives. The program knows none itself.

Law: a wrong price is an error before anything is sent. Must not know how invocations are counted.
"""

import json
import math
import tomllib
from pathlib import Path
from typing import Any, cast

import attrs

from ..errors import ConfigurationError
from ..fanout.values import MapStats

__all__ = ["Price", "PriceTable", "price_table"]

_FORM = "--price takes GB_SECOND,REQUEST, such as 0.0000166667,0.0000002, or a JSON or TOML file of prices by region"
_LARGEST_FILE = 1024 * 1024
"""Bytes."""


@attrs.frozen(kw_only=True)
class Price:
    """The price of a GB-second and of a request, in any currency."""

    gb_second: float
    request: float
    currency: str = ""

    def amount(self, stats: MapStats) -> float:
        """The price of the invocations whose REPORT line came back."""
        return stats.gb_seconds * self.gb_second + stats.billed_invocations * self.request

    def text(self, stats: MapStats) -> str:
        """The amount with four significant digits at least."""
        amount = self.amount(stats)
        digits = max(2, 3 - math.floor(math.log10(amount))) if amount > 0 else 2
        return f"{amount:,.{min(digits, 10)}f}{' ' if self.currency else ''}{self.currency}"


@attrs.frozen
class PriceTable:
    """The prices that `--price` gave: one for every region, or one by region."""

    single: Price | None
    by_region: dict[str, Price]
    path: str

    def of_region(self, region: str | None) -> Price:
        """The price in a region. `ConfigurationError` if the file has none."""
        price = self.single or self.by_region.get(region or "")
        if price is None:
            known = ", ".join(sorted(self.by_region)) or "none"
            raise ConfigurationError(f"{self.path!r} has no price for the region {region}; it has {known}")
        return price


def price_table(given: str) -> PriceTable:
    """Two numbers with a comma between them, or the name of a file: `{"eu-west-1": {"gb_second": ..., "request": ...}}`."""
    numbers = given.split(",")
    if len(numbers) == 2:
        try:
            return PriceTable(_price(float(numbers[0]), float(numbers[1]), "", given), {}, "")
        except ValueError:
            pass
    table = _read(given)
    currency = table.pop("currency", "")
    if not isinstance(currency, str):
        raise ConfigurationError(f"{given!r}: currency must be text")
    return PriceTable(None, {region: _entry(region, entry, currency, given) for region, entry in table.items()}, given)


def _read(path: str) -> dict[str, Any]:
    try:
        with Path(path).open("rb") as file:
            content = file.read(_LARGEST_FILE + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise ConfigurationError(f"cannot read the prices from {path!r}: {reason}. {_FORM}") from None
    if len(content) > _LARGEST_FILE:
        raise ConfigurationError(f"{path!r} is larger than {_LARGEST_FILE:,} bytes. {_FORM}")
    try:
        text = content.decode()
        table: object = tomllib.loads(text) if path.lower().endswith(".toml") else json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ConfigurationError(f"the prices in {path!r} are not valid: {error}. {_FORM}") from None
    if not isinstance(table, dict):
        raise ConfigurationError(f"the prices in {path!r} are not an object with a member for each region. {_FORM}")
    return cast("dict[str, Any]", table)


def _entry(region: str, entry: object, currency: str, path: str) -> Price:
    members = cast("dict[str, object]", entry) if isinstance(entry, dict) else {}
    return _price(members.get("gb_second"), members.get("request"), currency, f"{path}: {region}")


def _price(gb_second: object, request: object, currency: str, place: str) -> Price:
    figures: list[float] = []
    for figure in (gb_second, request):
        is_number = isinstance(figure, int | float) and not isinstance(figure, bool)
        if not is_number or not 0 <= cast("float", figure) < math.inf:
            raise ConfigurationError(f"{place!r}: gb_second and request must be numbers of 0 or more. {_FORM}")
        figures.append(float(cast("float", figure)))
    return Price(gb_second=figures[0], request=figures[1], currency=currency)
