"""The audit of the history: seals, the chain of seals, and what does not fit."""
