"""A class of 100 submissions with known results: right solutions, mistakes, broken archives."""
