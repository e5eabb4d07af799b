"""Durable executions with checkpoints, callbacks and waits, which AWS's own testing SDK runs in a process of its own."""
