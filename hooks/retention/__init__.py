"""The retention rules, pure: facts and a policy in, a schedule with reasons out. No framework, no IO."""
