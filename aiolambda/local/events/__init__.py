"""The asynchronous invocations of the local endpoint: their queues, retries, records and destinations."""
