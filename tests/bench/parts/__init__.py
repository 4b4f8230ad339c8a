"""The parts of the measurements. Each can run alone."""
