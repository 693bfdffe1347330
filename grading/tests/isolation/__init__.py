"""Tests of the isolation of the code under test."""
