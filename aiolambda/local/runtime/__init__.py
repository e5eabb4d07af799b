"""The runtime of the local endpoint: processes that run handlers, and the Runtime API that they ask."""
