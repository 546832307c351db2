"""`partita build`."""

from __future__ import annotations

from typing import Annotated

import typer

from partita.cli import statuses
from partita.cli.options import Json
from partita.cli.session import Session
from partita.workspace.images.request import ImageRequest

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    app.command("build", epilog=statuses.LEGEND)(build)


def build(
    context: typer.Context,
    tag: Annotated[
        str, typer.Option("--tag", "-t", metavar="NAME[:TAG]", help="Name of the image; default: that of the project.")
    ] = "",
    base: Annotated[
        str, typer.Option("--base", metavar="IMAGE", help="Image to start from; default: a Python of this version.")
    ] = "",
    requirements: Annotated[
        str,
        typer.Option(
            "--requirements",
            "-r",
            metavar="FILE",
            help="Packages to install; default: those that the project declares.",
        ),
    ] = "",
    push: Annotated[bool, typer.Option("--push", help="Push the image to its registry.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the Dockerfile, and build nothing.")] = False,
    docker_arg: Annotated[
        list[str] | None,
        typer.Option(
            "--docker-arg", metavar="WORD", help='Passed on to `docker build`, as "--network=host"; may be repeated.'
        ),
    ] = None,
    json: Json = False,
) -> int:
    """Make an image of the project: its packages, Partita, and the code that travels to workers."""
    session: Session = context.obj
    output = session.output
    request = ImageRequest(tag, base, requirements, push, dry_run, tuple(docker_arg or ()))
    view = session.workspace.build_image(request, output.note)
    if json:
        output.document(view)
    elif dry_run:
        output.line(view["dockerfile"].rstrip())
    else:
        count = len(view["packages"])
        packages = f"{count:,} package{'s' * (count != 1)} of {view['packages_from']}" if count else "no packages"
        output.line(f"{view['image']}  ({view['files']:,} files, {packages}, on {view['base']})")
        if view["pushed"]:
            output.line(f"{view['image']} was pushed.")
    return statuses.SUCCESS
