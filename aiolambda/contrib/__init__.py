"""Fan-out on the engines of others: one package for each, loaded only by its own name. Nothing else imports them."""
