"""`hatch run publish-speed`: what was measured becomes tables and pictures of the documents."""
