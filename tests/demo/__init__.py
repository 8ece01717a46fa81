"""Tests of the demonstration servers."""
