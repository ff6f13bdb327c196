"""The provisioning task of partner delivery: lenders' Kafka topics, users, rights and quotas."""
