"""The HTTP side of the local endpoint: request checks (signature, origin, members), answers, streams and errors."""
