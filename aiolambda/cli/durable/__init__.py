"""`aiolambda durable` and `aiolambda callback`: durable executions and their callbacks, from a shell."""
