"""Sends the requests that stdin describes to function URLs, signed by a library: `url_client.py botocore`. One outcome each."""

import base64
import http.client
import json
import sys
from urllib.parse import urlsplit


def botocore_signed(request, keys, region):
    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

    signed = AWSRequest(request["method"], request["url"], headers=request["headers"], data=request["body"])
    SigV4Auth(Credentials(*keys), "lambda", region).add_auth(signed)
    parts = urlsplit(request["url"])
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=30)
    target = parts.path + (f"?{parts.query}" if parts.query else "")
    connection.request(request["method"], target, request["body"] or None, dict(signed.headers))
    answer = connection.getresponse()
    return answer.status, answer.read()


def with_requests(make_auth):
    def send(request, keys, region):
        import requests

        auth = make_auth(request, keys, region)
        body = request["body"] or None
        answer = requests.request(
            request["method"], request["url"], data=body, headers=request["headers"], auth=auth, timeout=30
        )
        return answer.status_code, answer.content

    return send


def aws4auth(request, keys, region):
    from requests_aws4auth import AWS4Auth

    return AWS4Auth(*keys, region, "lambda")


def aws_requests_auth(request, keys, region):
    from aws_requests_auth.aws_auth import AWSRequestsAuth

    return AWSRequestsAuth(*keys, urlsplit(request["url"]).netloc, region, "lambda")


SIGNERS = {
    "botocore": botocore_signed,
    "requests-aws4auth": with_requests(aws4auth),
    "aws-requests-auth": with_requests(aws_requests_auth),
}


def main():
    asked = json.load(sys.stdin)
    send = SIGNERS[sys.argv[1]]
    outcomes = []
    for request in asked["requests"]:
        request["body"] = base64.b64decode(request["body"])
        status, body = send(request, asked["keys"], asked["region"])
        outcomes.append({"status": status, "body": base64.b64encode(body).decode()})
    json.dump(outcomes, sys.stdout)


if __name__ == "__main__":
    main()
