"""Map, zip and reduce on layouts as training produces them."""
