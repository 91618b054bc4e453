"""A path in, a page out: HTTP, its retries and its limits."""
