"""Special instructions of the device, and launch shapes."""
