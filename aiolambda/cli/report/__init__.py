"""`--report`: one page of HTML about a run of `aiolambda map`."""
