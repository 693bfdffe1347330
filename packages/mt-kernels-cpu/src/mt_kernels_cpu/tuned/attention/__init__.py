"""Attention in tiles of queries and keys that stay in the first caches."""
