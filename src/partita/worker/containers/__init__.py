"""Container tasks in an attempt, by the Docker command line.

allowance.py    what the attempt lets the container have
docker_line.py  the command line, from what is declared
endings.py      what an end of the container means
outputs.py      what it wrote, as values
running.py      all of it in order
"""
