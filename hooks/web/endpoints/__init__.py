"""The HTTP surface, one small module a resource; thin."""
