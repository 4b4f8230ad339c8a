"""The answer to a person who asks: the data held about them, why, for how long, and what they can ask for."""
