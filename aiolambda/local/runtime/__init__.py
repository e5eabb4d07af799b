"""The process side of the local endpoint: runtime processes with their environment, output and logs, and the Runtime API."""
