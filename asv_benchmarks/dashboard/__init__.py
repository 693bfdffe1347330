"""`hatch run dashboard`: the pages of asv, made to work without a network and shown."""
