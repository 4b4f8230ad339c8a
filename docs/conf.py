"""Settings of the site that `make docs` builds. Its source is the repository, so that the README is a page too."""

from __future__ import annotations

project = "Retention Hooks"
root_doc = "docs/index"
include_patterns = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "docs/**.md"]
exclude_patterns = [".*", "build", "deploy", "hooks", "schemas", "tests", "var"]

extensions = ["myst_parser"]
# The anchors that GitHub gives to headings, down to this level.
myst_heading_anchors = 4
# Blocks without a language are output and settings, not Python.
highlight_language = "none"

html_theme = "furo"
html_title = project
html_copy_source = False
html_show_copyright = False
html_static_path = ["static"]
html_css_files = ["site.css"]
templates_path = ["templates"]
# The top of the site leads to its first page.
html_additional_pages = {"index": "index.html"}
