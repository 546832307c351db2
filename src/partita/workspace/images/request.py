"""What is asked of `partita build`, and what it made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypedDict

__all__ = ["ImageRequest", "ImageView"]


@dataclass(frozen=True, slots=True)
class ImageRequest:
    """Where nothing is said, the settings and the project say it."""

    tag: str = ""  # "name:tag" of the image; empty: the project's name, with the beginning of the bundle's hash
    base: str = ""  # image to start from; empty: a Python of our own version
    requirements: str = ""  # path of a requirements file, relative to the project's folder
    is_pushed: bool = False
    is_only_shown: bool = False  # nothing is built: the Dockerfile is what is wanted
    docker_arguments: tuple[str, ...] = ()  # further words for `docker build`


class ImageView(TypedDict):
    """An image, or what it would be made of."""

    image: str  # its name
    id: str  # Docker's; empty: it was not built
    base: str
    bundle: str  # hash of the project's code
    files: int  # of the project
    packages: list[str]  # lines of requirements
    packages_from: str  # where these are declared; empty: nowhere
    partita: str  # the requirement, or the name of the wheel, by which Partita is in it
    dockerfile: str
    pushed: bool
