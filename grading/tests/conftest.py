"""Folders without tests: pieces of submissions, which only their own trees can import."""

collect_ignore = ["styles", "editions"]
