"""What a sweep would show, before it is sent: its cards and incidents, in the terminal, as JSON, on a page."""
