"""Signing one invocation, beside botocore's signer and awscrt's: `python benchmarks/signing.py [--rounds N] [--json]`.

Each gets a request of its own, made beforehand, with the headers that this client sends; each hashes the payload, and writes
its headers. Needs botocore. Without awscrt that column is missing.
"""

import argparse
import datetime as dt
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from aiolambda import Credentials
from aiolambda.protocol.sigv4 import Signer, payload_hash
from benchmarks.environments import OURS
from benchmarks.figures import Figure, markdown

HOST, PATH, REGION = "lambda.us-east-1.amazonaws.com", "/2015-03-31/functions/bench/invocations", "us-east-1"
SIZES = {"100 B": 100, "256 KB": 256 * 1024}
TOKENS = {"": None, ", with a session token": "t" * 800}
Signing = Callable[[int], float]
"""Sign so many requests; the seconds of CPU that it took."""


def headers(body: bytes) -> dict[str, str]:
    return {"host": HOST, "content-type": "application/octet-stream", "content-length": str(len(body))}


def timed(sign: Callable[[Any], object], requests: list[Any]) -> float:
    began = time.process_time()
    for request in requests:
        sign(request)
    return time.process_time() - began


def ours(body: bytes, token: str | None) -> Signing:
    signer, keys = Signer(REGION, "lambda"), Credentials("AKIDEXAMPLE", "secret", token)

    def sign(fields: dict[str, str]) -> None:
        now = dt.datetime.now(dt.UTC)
        fields.update(signer.sign("POST", PATH, "", fields, payload_hash(body), keys, now))

    return lambda count: timed(sign, [headers(body) for _ in range(count)])


def botocores(body: bytes, token: str | None) -> Signing:
    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials as Keys

    signer = SigV4Auth(Keys("AKIDEXAMPLE", "secret", token), "lambda", REGION)
    url = f"https://{HOST}{PATH}"
    return lambda count: timed(
        signer.add_auth, [AWSRequest(method="POST", url=url, headers=headers(body), data=body) for _ in range(count)]
    )


def crts(body: bytes, token: str | None) -> Signing:
    from awscrt import auth, http

    keys = auth.AwsCredentialsProvider.new_static("AKIDEXAMPLE", "secret", token)

    def sign(request: Any) -> None:
        config = auth.AwsSigningConfig(
            algorithm=auth.AwsSigningAlgorithm.V4,
            signature_type=auth.AwsSignatureType.HTTP_REQUEST_HEADERS,
            credentials_provider=keys,
            region=REGION,
            service="lambda",
            date=dt.datetime.now(dt.UTC),
            signed_body_value=payload_hash(body),
        )
        auth.aws_sign_request(request, config).result(10)

    return lambda count: timed(
        sign, [http.HttpRequest("POST", PATH, http.HttpHeaders(list(headers(body).items()))) for _ in range(count)]
    )


def measured(case: str, body: bytes, token: str | None, rounds: int) -> Figure:
    signers: dict[str, Signing] = {}
    for name, make in {OURS: ours, "botocore": botocores, "awscrt": crts}.items():
        try:
            signers[name] = make(body, token)
        except ImportError as error:
            print(f"{name} is left out: {error}", file=sys.stderr)
    values: dict[str, list[float]] = {name: [] for name in signers}
    count = 2000 if len(body) < 1000 else 200
    for number in range(rounds):
        for name in list(signers) if number % 2 else reversed(signers):
            signers[name](10)
            values[name].append(signers[name](count) / count * 1e6)
    return Figure("signing", case, "us", values)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    figures = [
        measured(f"{size}{said}", b"x" * SIZES[size], token, options.rounds) for size in SIZES for said, token in TOKENS.items()
    ]
    if options.json:
        print(json.dumps([{"case": it.case, "unit": it.unit, "values": it.values} for it in figures]))
    else:
        print(markdown(figures))


if __name__ == "__main__":
    main()
