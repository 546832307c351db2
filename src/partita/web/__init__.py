"""The pages: HTML made here, which says everything without scripts, and which scripts only keep up to date.

app         the whole server as one application
pages       how a page is made: its frame, its language, its colours
texts       what pages say, in English and Chinese
formats     times, sizes and states as pages show them
sign_in     signing in and out
home, runs  pages, a module a subject; their templates lie in `templates`
serving     the process: addresses, certificates, the first token
"""
