"""What is needed to run the service: server settings, policies, and a stand-in store for demos and tests."""
