"""Reads an account and loads it: both halves of a pipe, as one command."""
