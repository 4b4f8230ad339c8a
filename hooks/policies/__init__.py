"""A policy put in force: previewed, activated, records re-tagged, and the published page compared."""
