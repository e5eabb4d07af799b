"""Pages of a list: `Marker`, `MaxItems` and `NextMarker`.

Laws: a marker stays right if items come or go between two pages. No item comes twice.

Must not know what is listed.
"""

import base64
import binascii
from collections.abc import Mapping
from typing import TypeVar

from .. import api_errors
from .routes import Asked

__all__ = ["page_of"]

T = TypeVar("T")


def page_of(
    asked: Asked, items: Mapping[str, T], *, size: int, most: int = 10_000, least: int = 1, default: int | None = None
) -> tuple[list[T], str | None]:
    """A page of the items, which have keys in the order of the list, and the marker of the next page or `None`.

    `size` is the largest page, `most` and `least` limit the `MaxItems` that may be asked for. `default` is the page without
    `MaxItems`, or if it is 0; by default `size`.
    """
    keys = sorted(items)
    if marker := asked.query_member("Marker"):
        last = _key_of(marker)
        keys = [key for key in keys if key > last]
    count = min(_max_items(asked, least, most) or default or size, size)
    page = keys[:count]
    return [items[key] for key in page], _marker_of(page[-1]) if len(keys) > count else None


def _max_items(asked: Asked, least: int, most: int) -> int | None:
    text = asked.query_member("MaxItems")
    if text is None:
        return None
    count = int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None
    if count is None:
        raise api_errors.invalid_request("MaxItems must be a whole number")
    if not least <= count <= most:
        limit = f"greater than or equal to {least}" if count < least else f"less than or equal to {most}"
        raise api_errors.invalid_value("maxItems", f"Member must have value {limit}", value=text)
    return count


def _marker_of(key: str) -> str:
    return base64.urlsafe_b64encode(key.encode()).decode()


def _key_of(marker: str) -> str:
    try:
        return base64.b64decode(marker, altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        raise api_errors.invalid_parameter("Invalid Marker") from None
