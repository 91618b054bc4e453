"""What dlt extracts: items made of rows, and which older rows they stand against."""
