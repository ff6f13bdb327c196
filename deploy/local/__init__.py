"""The local stack without containers: PostgreSQL, Kafka and the services under one supervisor.

What others use: `stack.load_stack()` for addresses, `control` to start, stop, restart and kill.
"""
