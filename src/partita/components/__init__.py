"""Ready tasks, each brought in where it is first used.

http.py        requests and downloads
sql.py         queries and statements, by SQLAlchemy
watch.py       waiting for files, and what changed in a folder
shell.py       a line for the shell
mail.py        sending e-mail
tables.py      CSV and Parquet, by pandas, Polars or Arrow
json_files.py  JSON and JSON lines
git.py         checking out a repository
file_values.py files as values, read and made
variables.py   secrets inside of texts
extras.py      libraries that are optional
replacing.py   files that appear when they are whole
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from partita.components.git import GitCheckout, GitError, git_checkout, git_folder
    from partita.components.http import Download, HttpError, HttpResponse, http_download, http_file, http_request
    from partita.components.json_files import json_file, read_json, read_json_lines, write_json, write_json_lines
    from partita.components.mail import SentMail, send_mail
    from partita.components.shell_line import shell
    from partita.components.sql import sql_execute, sql_query, sql_table
    from partita.components.tables import read_csv, read_parquet, table_file, write_csv, write_parquet
    from partita.components.watch import FileState, FolderChanges, folder_changes, wait_for_changes, wait_for_file

__all__ = [
    "Download", "FileState", "FolderChanges", "GitCheckout", "GitError", "HttpError", "HttpResponse", "SentMail",
    "folder_changes", "git_checkout", "git_folder", "http_download", "http_file", "http_request", "json_file", "read_csv",
    "read_json", "read_json_lines", "read_parquet", "send_mail", "shell", "sql_execute", "sql_query", "sql_table",
    "table_file", "wait_for_changes", "wait_for_file", "write_csv", "write_json", "write_json_lines", "write_parquet",
]  # fmt: skip

_MODULES = {
    "git": ("GitCheckout", "GitError", "git_checkout", "git_folder"),
    "http": ("Download", "HttpError", "HttpResponse", "http_download", "http_file", "http_request"),
    "json_files": ("json_file", "read_json", "read_json_lines", "write_json", "write_json_lines"),
    "mail": ("SentMail", "send_mail"),
    "shell_line": ("shell",),
    "sql": ("sql_execute", "sql_query", "sql_table"),
    "tables": ("read_csv", "read_parquet", "table_file", "write_csv", "write_parquet"),
    "watch": ("FileState", "FolderChanges", "folder_changes", "wait_for_changes", "wait_for_file"),
}
_MODULE_OF = {name: module for module, names in _MODULES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name in _MODULE_OF:
        from importlib import import_module

        found = getattr(import_module(f"partita.components.{_MODULE_OF[name]}"), name)
        globals()[name] = found
        return found
    raise AttributeError(f"module 'partita.components' has no attribute {name!r}")
