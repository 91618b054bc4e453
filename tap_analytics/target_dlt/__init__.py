"""A Singer target that loads through dlt, in Arrow batches, into any dlt destination.

It works with any tap. Data flows one way: `singer_in` splits the input into messages,
`columns` makes Arrow columns of each stream's records, and `loading` puts the batches
of all streams into a dataset. `loads` decides when; `target` is what the SDK calls.
"""
