"""Instructions and launch shapes of the device."""
