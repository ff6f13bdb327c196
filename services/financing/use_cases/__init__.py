"""What can be done, one verb per file. Use cases receive a connection in a transaction and never commit."""
