"""What people do here, one verb per file."""
