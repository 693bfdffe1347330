"""Folders without tests: pieces of submissions, which only their own trees can import."""

collect_ignore = ["styles", "editions", "similar_work/copydetect_script.py"]
