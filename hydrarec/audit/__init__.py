"""Whether results can be trusted: their files hashed again, and runs repeated."""
