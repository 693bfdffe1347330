"""The operations of every backend: map, zip, reduce and matrix products."""
