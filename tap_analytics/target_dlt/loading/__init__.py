"""Arrow tables into a destination, through dlt."""
