"""Function URLs of the local endpoint: HTTP requests that become events, and results that become HTTP responses."""
