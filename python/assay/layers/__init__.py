"""Which layers are worth checking."""
