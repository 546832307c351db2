"""The site that `scripts/docs` builds from these pages, which are also read as they are in the repository."""

from __future__ import annotations

import re
from typing import Any

from sphinx import addnodes
from sphinx.application import Sphinx

import partita

project = "Partita"
author = "the authors of Partita"
project_copyright = author
release = version = partita.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx_copybutton"]
exclude_patterns = ["_build"]

myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 4
myst_links_external_new_tab = False

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
napoleon_google_docstring = True
napoleon_numpy_docstring = False
default_role = "code"
add_module_names = False
python_use_unqualified_type_names = True
toc_object_entries_show_parents = "hide"

highlight_language = "text"
copybutton_prompt_text = "$ "
copybutton_only_copy_prompt_lines = True

html_theme = "pydata_sphinx_theme"
html_title = "Partita"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sourcelink = False
html_sidebars = {
    page: [] for page in ("index", "get-started", "tutorial", "concepts", "guarantees")
}  # nothing below them
html_theme_options = {
    "logo": {"text": "Partita"},
    "navbar_align": "left",
    "navbar_end": ["theme-switcher"],
    "header_links_before_dropdown": 9,
    "show_prev_next": True,
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": [],
    "show_toc_level": 2,
    "back_to_top_button": False,
}

_NOT_RUN = re.compile(r"^<!-- not run: (.*?) -->$", re.MULTILINE)

#: Why blocks of translated pages are not run.
_REASONS = {"the tests have it installed": "测试环境里已经装好"}


def show_what_is_not_run(app: Sphinx, page: str, source: list[str]) -> None:
    """A block that no test runs says so to the reader, too."""

    def tell(found: re.Match[str]) -> str:
        told = f"Not run by the tests: {found[1]}."
        if page.startswith("zh-CN/"):
            told = f"测试不运行这段代码：{_REASONS.get(found[1], found[1])}。"
        return f":::{{container}} not-run\n{told}\n:::\n"

    source[0] = _NOT_RUN.sub(tell, source[0])


def leave_out_overloads(app: Sphinx, domain: str, kind: str, content: addnodes.desc_content) -> None:
    """`@task` and `@flow` are typed for each way to write them, with every option; the text below lists the options."""
    signatures = [node for node in content.parent if isinstance(node, addnodes.desc_signature)]
    if len(signatures) < 2 or signatures[0].get("fullname") not in ("task", "flow"):
        return
    for overload in signatures[1:]:
        content.parent.remove(overload)
    for parameters in list(signatures[0].findall(addnodes.desc_parameterlist)):
        written = addnodes.desc_parameter("", "**options")
        parameters.children = [written]
        written.parent = parameters


def tell_the_language(app: Sphinx, page: str, template: str, context: dict[str, Any], tree: object) -> None:
    """Browsers choose fonts, hyphenation and voices by it."""
    context["lang_attr"] = "zh-CN" if page.startswith("zh-CN/") else "en"


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("source-read", show_what_is_not_run)
    app.connect("object-description-transform", leave_out_overloads)
    app.connect("html-page-context", tell_the_language)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
