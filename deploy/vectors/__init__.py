"""The domain rules against published and computed vectors: `python -m deploy.vectors`."""
