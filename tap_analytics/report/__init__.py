"""What a person sees of a run: the log's lines and the terminal's display."""
