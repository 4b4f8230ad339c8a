"""Files to run the service with: server settings, policies, and a stand-in store for demos and tests."""
