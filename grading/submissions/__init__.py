"""Folders with code to judge: their layout and static analysis of their sources."""
