"""Domain rules against published and computed vectors."""
