"""Many accounts, each with a key of its own, into one warehouse."""
