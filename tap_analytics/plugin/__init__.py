"""Settings from files and environment, for tap and target alike."""
