"""The register of processing activities (GDPR Art. 30(1)), drawn up from the policy in force. Pure."""
