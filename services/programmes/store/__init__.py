"""The only callers of programmes.sql: values in, domain objects out."""
