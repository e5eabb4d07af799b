"""A runtime client that returns every payload unchanged, for the tests that compare bytes. It parses no JSON.

With the handler `error`, each payload is the error that the runtime reports.
"""

import os
import socket

kind = "error" if os.environ["_HANDLER"] == "error" else "response"
host, port = os.environ["AWS_LAMBDA_RUNTIME_API"].rsplit(":")
stream = socket.create_connection((host, int(port))).makefile("rwb")


def exchange(request: str, body: bytes = b"") -> tuple[dict[bytes, bytes], bytes]:
    stream.write(f"{request} HTTP/1.1\r\nHost: {host}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
    stream.flush()
    stream.readline()
    headers = {}
    while line := stream.readline().strip():
        name, _, value = line.partition(b":")
        headers[name.lower()] = value.strip()
    return headers, stream.read(int(headers[b"content-length"]))


while True:
    invocation, payload = exchange("GET /2018-06-01/runtime/invocation/next")
    request_id = invocation[b"lambda-runtime-aws-request-id"].decode()
    exchange(f"POST /2018-06-01/runtime/invocation/{request_id}/{kind}", payload)
