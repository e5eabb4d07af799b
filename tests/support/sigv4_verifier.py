"""A verifier of Signature Version 4 that shares no line with the client: it recomputes what AWS does with a received request.

Source: "Create a signed AWS API request" in the IAM user guide.
"""

import hashlib
import hmac
import posixpath
from urllib.parse import quote


def _digest(key: bytes, text: str) -> bytes:
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def problem_of(head: bytes, body: bytes, *, secret: str, region: str, service: str = "lambda") -> str | None:
    """Why the signature of a request on the wire is not valid; `None` if it is."""
    first, *lines = head.decode().split("\r\n")
    method, target, _ = first.split(" ")
    fields = dict[str, str]()
    for name, value in (line.split(":", 1) for line in lines if line):
        fields[name.lower()] = ",".join(filter(None, [fields.get(name.lower()), " ".join(value.split())]))
    if "authorization" not in fields:
        return "it is not signed"
    parts = dict(part.strip().split("=", 1) for part in fields["authorization"].removeprefix("AWS4-HMAC-SHA256 ").split(","))
    date = fields["x-amz-date"]
    scope = f"{date[:8]}/{region}/{service}/aws4_request"
    if parts["Credential"].partition("/")[2] != scope:
        return f"the scope is {parts['Credential']}"
    names = parts["SignedHeaders"].split(";")
    must = {"host", "x-amz-content-sha256", "x-amz-date", *(name for name in fields if name.startswith("x-amz-"))}
    if missing := must - {*names, "x-amzn-trace-id"}:
        return f"not signed: {missing}"
    if fields["x-amz-content-sha256"] != hashlib.sha256(body).hexdigest():
        return "the body is another"
    path, _, query = target.partition("?")
    normal = posixpath.normpath(path.replace("//", "/") if path.strip("/") else "/") if path else "/"
    normal = "/" + normal.lstrip("/") + ("/" if path.endswith("/") and normal.strip("/") else "")
    pairs = sorted(pair.partition("=")[::2] for pair in query.split("&") if pair)
    request = "\n".join(
        [
            method,
            quote(normal, safe="/-_.~"),
            "&".join(f"{name}={value}" for name, value in pairs),
            *(f"{name}:{fields[name]}" for name in names),
            "",
            ";".join(names),
            fields["x-amz-content-sha256"],
        ]
    )
    text = "\n".join(["AWS4-HMAC-SHA256", date, scope, hashlib.sha256(request.encode()).hexdigest()])
    key = f"AWS4{secret}".encode()
    for part in (date[:8], region, service, "aws4_request"):
        key = _digest(key, part)
    return None if _digest(key, text).hex() == parts["Signature"] else f"the signature is another; expected that of\n{request}"
