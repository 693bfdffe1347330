"""Matrix products with tiles in shared memory and sums in registers."""
