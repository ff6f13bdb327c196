"""The shapes of HTTP: `asked` is what comes in, `shown` what goes out."""
