"""`partita build`: an image of a project.

request.py       what is asked for, and what was made
dependencies.py  which packages the project needs
own_wheel.py     Partita itself, where no index has it
dockerfile.py    the text of the Dockerfile
context.py       the files that Docker is given
building.py      all of it in order, by Docker's command line
"""
