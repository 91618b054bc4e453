"""Singer messages in: lines, batch files and their records."""
