"""A raw record in, a row out: types, columns and bookmarks."""
