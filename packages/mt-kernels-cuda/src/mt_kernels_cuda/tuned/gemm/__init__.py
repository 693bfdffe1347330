"""Matrix products: tiles in shared memory, sums in registers."""
