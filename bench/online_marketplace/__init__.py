"""The Online Marketplace benchmark (SIGMOD 2025) against Lumbung's own API and events; see README.md beside this."""
