"""The commands of `flask --app wsgi …`, a module each.

Exit status: 0 fine, 1 a finding, 2 wrong usage or configuration.
"""
