"""Partner delivery: logs, subscriptions, webhooks, topics, the pull feed."""
