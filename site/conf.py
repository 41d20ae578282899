"""How Sphinx makes pages of the sources that `python -m tools.site` puts together; this file is copied beside them."""

project = "Backpropagation through time, with sliders"
author = "The d2lbptt contributors"
copyright = "the d2lbptt contributors; text and pictures CC BY 4.0, code MIT"
language = "en"
extensions = ["myst_nb", "tools.site.extension", "tools.site.beside"]

# Notebooks are shown as they were saved, and never run.
nb_execution_mode = "off"
nb_merge_streams = True
nb_render_markdown_format = "myst"  # as it stands elsewhere, dollars in outputs stay dollars
nb_mime_priority_overrides = [("html", "text/markdown", 5)]  # before text/html, in which they do so, too
myst_enable_extensions = ["dollarmath", "amsmath", "attrs_inline", "colon_fence"]
myst_heading_anchors = 4

# One file of our own, and no fonts. Its menu would make each formula a tab stop, and ask the network.
mathjax_path = "mathjax/tex-svg.js"
mathjax_options = {"defer": "defer"}
mathjax3_config = {"options": {"enableMenu": False}}

html_theme = "sphinx_book_theme"
html_title = "BPTT, with sliders"
html_favicon = "_static/favicon.svg"
html_static_path = ["_static"]
html_extra_path = ["_extra"]  # pages that are none of Sphinx's
html_css_files = ["site.css", "print.css"]
html_js_files = [("site.js", {"defer": "defer"})]
templates_path = ["_templates"]
html_copy_source = False
html_show_sourcelink = False
html_show_sphinx = False
html_show_search_summary = False  # an excerpt is fetched, which a page from a disk may not
html_use_index = False
html_domain_indices = False
html_permalinks_icon = "#"
html_context = {"default_mode": "auto"}
html_theme_options = {
    "back_to_top_button": False,  # it lies over the text of a telephone
    "navbar_persistent": [],
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
    "search_as_you_type": True,
    "secondary_sidebar_items": ["page-toc"],
    "show_toc_level": 2,
    "toc_title": "On this page",
    "use_download_button": False,
    "use_fullscreen_button": False,
    "use_repository_button": False,
    "use_source_button": False,
}
