"""Container tasks: an image and a command instead of a function, with files in and out.

kinds.py        what can go in and come out, as types and as plain data
scripts.py      words of a command that are programs themselves
template.py     where values stand in a command
declaration.py  all that is said of a container, as plain data
rendering.py    the command and files of one call; what a Docker command line or a pod is made from
runner.py       who runs containers here
definition.py   `container(...)`
"""
