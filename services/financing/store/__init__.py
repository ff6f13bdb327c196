"""The only caller of the service's SQL: values in, domain objects out. One module per noun."""
