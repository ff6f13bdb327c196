"""The sandboxes as real processes, spoken to over HTTP."""
