"""What is no test here: pieces of submissions, which only trees of their own can import."""

collect_ignore = ["styles", "editions"]
