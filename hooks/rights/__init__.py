"""What a person is told when they ask: what is held about them, why, for how long, and what they can ask for."""
