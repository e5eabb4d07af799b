"""Timestamps of the API: seconds since 1970, ISO 8601, and the date of HTTP.

Owns the three forms, written and read. Must not know which member has which.
Source: "Timestamp formats" of the Smithy specification; RFC 3339; RFC 9110, 5.6.7.
"""

import datetime as dt
import email.utils

__all__ = ["epoch_of", "http_date_of", "iso_of", "moment_of"]

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MICROSECOND = dt.timedelta(microseconds=1)


def epoch_of(moment: dt.datetime) -> int | float:
    """Seconds since 1970; a fraction only if there is one."""
    microseconds = (moment - _EPOCH) // _MICROSECOND
    return microseconds // 10**6 if microseconds % 10**6 == 0 else microseconds / 10**6


def iso_of(moment: dt.datetime) -> str:
    """As in `2026-11-30T12:00:00Z`; with microseconds only if there are any."""
    moment = moment.astimezone(dt.UTC)
    fraction = f".{moment.microsecond:06}" if moment.microsecond else ""
    return f"{moment.year:04}{moment:-%m-%dT%H:%M:%S}{fraction}Z"


def http_date_of(moment: dt.datetime) -> str:
    """As in `Mon, 30 Nov 2026 12:00:00 GMT`. A fraction is dropped."""
    return email.utils.format_datetime(moment.astimezone(dt.UTC), usegmt=True)


def moment_of(value: object) -> dt.datetime:
    """The moment in any of the three forms; a number may be text. `ValueError` for anything else; its text shows no value."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError(f"a timestamp cannot be {type(value).__name__}")  # noqa: TRY004 - of an answer, not of a caller
    try:
        return _moment(value)
    except (ValueError, OverflowError, TypeError, IndexError):
        raise ValueError("a timestamp is in no known form, or out of range") from None


def _moment(value: float | str) -> dt.datetime:
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return _moment_of_text(str(value))
    return _EPOCH + dt.timedelta(seconds=value)


def _moment_of_text(text: str) -> dt.datetime:
    try:
        moment = dt.datetime.fromisoformat(text)
    except ValueError:
        moment = email.utils.parsedate_to_datetime(text)
    return moment.replace(tzinfo=dt.UTC) if moment.tzinfo is None else moment
