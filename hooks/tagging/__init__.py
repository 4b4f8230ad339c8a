"""A record tagged, planned and saved: the context of a record, the changes, and the recorder."""
