"""Compare the sandbox store with a real one: first the recordings, then single habits."""
