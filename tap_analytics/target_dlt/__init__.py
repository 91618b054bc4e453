"""A Singer target that loads through dlt, in Arrow batches, into any dlt destination.

It works with any tap. Data flows one way: `reader` splits the input into messages,
`batch` collects each stream's records as Arrow columns typed by `types`, `loader` puts
the batches of all streams into one dlt load package, and `target` decides when.
"""
