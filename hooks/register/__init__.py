"""The register of processing activities (GDPR Art. 30(1)), made of the policy in force. Pure."""
