"""The same topology in containers: secrets, provisioning and the settings of what stands around the services."""
