"""Command line, run from the root: `python -m tests.cluster build|up|down|image|exec|shell|enter|env|list`."""

from __future__ import annotations

import argparse
import os
import shlex
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

from tests.cluster import lifecycle, netns, parts
from tests.cluster.errors import ClusterError
from tests.cluster.layout import Layout
from tests.cluster.progress import say


def main(words: Sequence[str] | None = None) -> int:
    """Do what the words say; a failure that a person can mend is told in words and not as a traceback."""
    signal.signal(signal.SIGTERM, _end)  # so that a start that is ended clears away what it made
    options = _parser().parse_args(words)
    try:
        return _run(options)
    except ClusterError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130


def _run(options: argparse.Namespace) -> int:
    if options.command == "build":
        netns.check_machine()
        parts.build(options.parts or (parts.names_for(options.shape) if options.shape else parts.PARTS))
        say(f"all parts are in the cache; programs: {parts.bin_folder()}")
        return 0
    if options.command == "list":
        return _list()
    layout = Layout(options.name)
    if options.command == "up":
        lifecycle.up(layout, options.shape)
        say(f"use it: python -m tests.cluster shell --name {layout.name}")
    elif options.command == "down":
        for one in lifecycle.known() if options.all else [layout]:
            lifecycle.down(one)
    elif options.command == "image":
        _image(_there(layout), options)
    elif options.command == "env":
        for key, value in lifecycle.environment(_there(layout)).items():
            print(f"export {key}={shlex.quote(value)}")
    elif options.command == "enter":
        settings = [f"{key}={value}" for key, value in lifecycle.environment(_there(layout)).items()]
        print(shlex.join([*netns.enter(layout), "env", *settings]))
    elif options.command == "exec":
        program = options.program[1:] if options.program[:1] == ["--"] else options.program
        _become(_there(layout), program or ["true"])
    elif options.command == "shell":
        say(f"a shell inside cluster {layout.name}; leave it with exit")
        _become(_there(layout), [os.environ.get("SHELL") or "/bin/sh"])
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.cluster", description="A real Kubernetes without Docker.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    build = commands.add_parser("build", help="build what is missing in the cache, and nothing else")
    build.add_argument("parts", nargs="*", help=f"only these parts: {', '.join(parts.PARTS)}")
    commands.add_parser("list", help="all clusters of this machine, and what is wrong with them")
    up = commands.add_parser("up", help="start a cluster, or say that it runs")
    down = commands.add_parser("down", help="take a cluster away without a trace")
    down.add_argument("--all", action="store_true", help="every cluster of this machine")
    image = commands.add_parser("image", help="build an image by its Dockerfile and load it: image DOCKERFILE TAG")
    image.add_argument("dockerfile", type=Path)
    image.add_argument("tag", help="what pods call it, for example localhost/serinus/demo:1")
    image.add_argument("--context", type=Path, help="default: the folder of the Dockerfile")
    image.add_argument("--input", type=Path, action="append", help="of the context, only this is part of the image")
    image.add_argument("--build-arg", action="append", default=[], metavar="NAME=VALUE")
    execute = commands.add_parser("exec", help="run a command inside: exec --name NAME -- COMMAND …")
    named = [up, down, image, execute]
    named.append(commands.add_parser("shell", help="a shell inside: KUBECONFIG, PATH and network are set"))
    named.append(commands.add_parser("enter", help="print what to put before a command so that it runs inside"))
    named.append(commands.add_parser("env", help="print KUBECONFIG, PATH and addresses as lines for a shell"))
    for command in named:
        command.add_argument("--name", default=os.environ.get("SERINUS_CLUSTER") or "dev", help="default: dev")
    build.add_argument("--shape", choices=lifecycle.SHAPES, help="only the parts of this shape; default: all")
    up.add_argument("--shape", choices=lifecycle.SHAPES, default=lifecycle.WHOLE, help="default: whole")
    execute.add_argument("program", nargs=argparse.REMAINDER)
    return parser


def _image(layout: Layout, options: argparse.Namespace) -> None:
    from tests.cluster import images  # only this command needs it

    arguments = dict(word.partition("=")[::2] for word in options.build_arg)
    images.build(layout, options.dockerfile, options.tag, arguments, options.context, options.input)
    say(f"pods of cluster {layout.name} can use {options.tag} with imagePullPolicy IfNotPresent or Never")


def _list() -> int:
    for layout in lifecycle.known():
        shape, state = lifecycle.shape_of(layout) or "?", lifecycle.seen_from_outside(layout)
        print(f"{layout.name:20} {shape:14} {state:8} {layout.state}")
    return 0


def _there(layout: Layout) -> Layout:
    if not netns.Namespace(layout.netns).exists():
        raise ClusterError(
            f"cluster {layout.name} is not there; start it: python -m tests.cluster up --name {layout.name}"
        )
    return layout


def _become(layout: Layout, program: list[str]) -> None:
    """Be the program, inside: signals and exit code are its own."""
    argv = [*netns.enter(layout), *program]
    os.execvpe(argv[0], argv, {**os.environ, **lifecycle.environment(layout)})


def _end(number: int, frame: FrameType | None) -> None:
    raise SystemExit(128 + number)


if __name__ == "__main__":
    sys.exit(main())
