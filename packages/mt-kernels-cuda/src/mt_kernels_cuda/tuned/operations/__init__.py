"""Map, zip and reduce for the memory layouts of training."""
