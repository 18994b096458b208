"""The Functions worker library as a witness: what the host's own code makes of this app."""
