"""Tests of what keeps the code under test apart."""
