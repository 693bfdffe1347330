"""Scripts that look after the workspace itself; no package depends on them."""
