"""Folders with code to judge, read and searched without running them."""
