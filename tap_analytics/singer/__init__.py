"""The streams as Singer's SDK runs them: the only room that leans on the SDK."""
