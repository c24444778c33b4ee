"""The modules that are compiled ones in the original."""
