"""A runtime client that hands every payload back as it came, for the tests that compare bytes; no JSON is read here."""

import http.client
import os

connection = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
while True:
    connection.request("GET", "/2018-06-01/runtime/invocation/next")
    invocation = connection.getresponse()
    payload = invocation.read()
    request_id = invocation.headers["Lambda-Runtime-Aws-Request-Id"]
    connection.request("POST", f"/2018-06-01/runtime/invocation/{request_id}/response", payload)
    connection.getresponse().read()
