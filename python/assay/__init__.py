"""Commit to what a language model computed, open parts of it, and check the openings."""
