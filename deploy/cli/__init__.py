"""The `lumbung` command, one file per group of commands."""
