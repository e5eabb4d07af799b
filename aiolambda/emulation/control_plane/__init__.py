"""The operations that read configuration: which one a request asks for, and what the API answers."""
