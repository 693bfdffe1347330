"""The dashboard of asv without a network: `hatch run dashboard`."""
