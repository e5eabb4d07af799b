"""How Lambda behaves, without sockets and without the client: what a runtime writes, what the API answers, scripted failures.

Must not know who acts on it: `testing` does in place of a transport, `local` behind an HTTP server.
"""
