"""The published page as input: read, compared with the policy in force, and made a draft of a policy file."""
