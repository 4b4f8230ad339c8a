"""What is measured, by the name that it is called by. Each part stands alone."""
