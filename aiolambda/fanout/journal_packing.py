"""The packed form of a result: its record and its payload, compressed against a similar result.

Results of one map differ in few places. The first result of each state is therefore kept as a dictionary: later ones of that
state take a seventh of their size.

Law: `unpack` gives what `pack` was given, or raises `PackingError`; it never makes more than `_LARGEST` bytes.

Owns the compression. Must not know what a record means, or where it is stored.
"""

import zlib
from typing import Any

import attrs

__all__ = ["Packed", "Packer", "PackingError"]

_WINDOW = -13
"""Raw deflate with a window of 8 KiB: a compressor is copied for each result, and a larger one takes longer to copy."""
_MEMORY = 6
_LEVEL = 6
_LONGEST_SAMPLE = 6 * 1024
"""Bytes of a result that become a dictionary."""
_LONG = 32 * 1024
"""Bytes from which on a payload stands in a column of its own, so that reading the record does not read it."""
_FAST = 1
_TRIED = 16 * 1024
"""Bytes of a long payload that show whether it can be compressed."""
_LARGEST = 256 * 1024 * 1024
"""Bytes. No answer of Lambda is larger."""
_RAW, _DEFLATED = b"\0", b"\1"
_END = b"\0"
"""Between record and payload. JSON does not contain it."""
_COMMON = (
    b'{"delivery": "not_delivered", "attempts": 3, "duration": 0.0, "billed_ms": 0.0, "cold_starts": 0, "error": {"kind": "'
    b'ConnectionLostError", "text": "", "function_name": "", "metadata": {"http_status_code": 429, "request_id": null, '
    b'"trace_id": null, "attempts": 1, "total_retry_delay": 0.0, "headers": {"content-type": "application/json", '
    b'"x-amzn-errortype": "TooManyRequestsException"}}, "code": "", "type": "User", "exceeded": "read", "stage": "wait", '
    b'"elapsed": 0.0, "transient": false, "stale_connection": false}}{"delivery": "executed", "attempts": 1, "duration": 0.0, '
    b'"billed_ms": 0.0, "cold_starts": 0, "output": {"kind": "invoke", "status_code": 200, "function_error": "Unhandled", '
    b'"executed_version": "$LATEST", "durable_execution_arn": null, "log_result": null, "log_text": "START RequestId:  '
    b"Version: $LATEST\\nEND RequestId: \\nREPORT RequestId: \\tDuration:  ms\\tBilled Duration:  ms\\tMemory Size: 128 MB\\t"
    b'Max Memory Used:  MB\\tInit Duration:  ms\\t\\n", "metadata": {"http_status_code": 200, "request_id": "", "trace_id": '
    b'"Root=1-;Parent=;Sampled=0;Lineage=1::0", "attempts": 1, "total_retry_delay": 0.0, "headers": {"date": "Mon, 30 Nov 2026 '
    b'GMT", "content-type": "application/json", "content-length": "", "connection": "keep-alive", "x-amzn-requestid": "", '
    b'"x-amzn-remapped-content-length": "0", "x-amz-executed-version": "$LATEST", "x-amz-log-result": null, '
    b'"x-amzn-trace-id": ""}}}}'
)
"""The dictionary with the number 0. Format 5 contains it: another text here is another format."""


class PackingError(Exception):
    """Stored bytes are not a packed result. The text never contains them."""


@attrs.frozen
class Packed:
    """A result as it is stored. `sample` is the content of its dictionary, if that is new and must be stored first."""

    dictionary: int
    content: bytes
    payload: bytes | None
    sample: bytes | None = None


class Packer:
    """Packs results, and keeps the dictionaries of one file."""

    def __init__(self) -> None:
        self._compressors: dict[int, Any] = {}
        self._decompressors: dict[int, Any] = {}
        self.learn(0, b"")

    def learn(self, number: int, sample: bytes) -> None:
        """Use this sample as the dictionary with this number."""
        words = (_COMMON + sample)[-_LONGEST_SAMPLE - len(_COMMON) :]
        self._compressors[number] = zlib.compressobj(_LEVEL, zlib.DEFLATED, _WINDOW, _MEMORY, zdict=words)
        self._decompressors[number] = zlib.decompressobj(_WINDOW, zdict=words)

    def pack(self, record: str, payload: bytes | None, *, shape: int) -> Packed:
        """Pack a result. Results of one `shape`, a number above 0, are alike and share a dictionary."""
        is_long = payload is not None and len(payload) >= _LONG
        data = record.encode()
        if payload is not None and not is_long:
            data += _END + payload
        sample = None
        if shape not in self._compressors:  # its first result: packed with itself, it is short
            sample = data[:_LONGEST_SAMPLE]
            self.learn(shape, sample)
        compressor = self._compressors[shape].copy()
        content = compressor.compress(data) + compressor.flush()
        return Packed(shape, content, _packed_payload(payload) if is_long and payload is not None else None, sample)

    def unpack(self, packed: Packed) -> tuple[str, bytes | None]:
        """The record and the payload. `PackingError` if they are not in there."""
        if packed.dictionary not in self._decompressors:
            raise PackingError("its dictionary is missing")
        data = _inflated(self._decompressors[packed.dictionary].copy(), packed.content)
        record, end, short = data.partition(_END)
        payload: bytes | None = short if end else None
        if packed.payload is not None:
            payload = _unpacked_payload(packed.payload)
        try:
            return record.decode(), payload
        except UnicodeDecodeError:
            pass
        raise PackingError("it is not text")  # raised here, so its context does not hold the bytes


def _packed_payload(payload: bytes) -> bytes:
    start = payload[:_TRIED]
    if len(zlib.compress(start, _FAST)) > len(start) * 0.9:
        return _RAW + payload
    return _DEFLATED + zlib.compress(payload, _FAST)


def _unpacked_payload(stored: bytes) -> bytes:
    form, data = stored[:1], stored[1:]
    if form == _RAW:
        return data
    if form != _DEFLATED:
        raise PackingError("its payload has another form")
    return _inflated(zlib.decompressobj(), data)


def _inflated(decompressor: Any, data: bytes) -> bytes:
    try:
        content: bytes = decompressor.decompress(data, _LARGEST)
    except zlib.error:
        content = b""
    if not decompressor.eof or decompressor.unused_data:
        raise PackingError("it cannot be decompressed")
    return content
