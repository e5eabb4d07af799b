"""The Invoke API of the local endpoint: requests, signatures, answers, errors."""
