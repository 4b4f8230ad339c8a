"""The published privacy page as input. It is read, compared with the policy in force, and drafted into a policy file.

The way of a page: `fetch` gets its HTML, `markup` cuts that into blocks, `sections` into sections with their lines, and
`reader` reads each section into a `PublishedPage`. Then `drift` compares that page with a policy, or `draft` writes a
policy file from it. `subprocess_reader` does all of it in a process of its own, since the page's server is not trusted.
"""
