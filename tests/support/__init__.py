"""What the tests and the try-out need beside them; nothing of it is deployed."""
