"""Command line, run from the root: `python -m tests.cluster build|up|down|image|exec|shell|enter|env|list`."""

from __future__ import annotations

import argparse
import os
import shlex
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import FrameType

from tests.cluster import driver, lifecycle, netns, parts
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
        parts.build(options.parts or parts.names_for(*([options.shape] if options.shape else lifecycle.SHAPES)))
        say(f"all parts are in the cache; programs: {parts.bin_folder()}")
        return 0
    if options.command == "list":
        return _list()
    if options.command == "up":
        chosen = driver.choose(options.name, options.shape, options.driver)
        chosen.up(chosen.layout(options.name), options.shape)
        say(f"use it: python -m tests.cluster shell --name {options.name}")
    elif options.command == "down":
        _down(options)
    else:
        _inside(options)
    return 0


def _down(options: argparse.Namespace) -> None:
    if options.all:
        for each in driver.DRIVERS:
            for layout in each.known():
                each.down(layout)
    else:
        one = driver.find(options.name) or driver.default()
        one.down(one.layout(options.name))


def _inside(options: argparse.Namespace) -> None:
    """The commands that need a cluster which is there; its driver is the one that started it."""
    of, layout = _there(options.name)
    if options.command == "image":
        arguments = dict(word.partition("=")[::2] for word in options.build_arg)
        of.image(layout, options.dockerfile, options.tag, arguments, options.context)
        say(f"pods of cluster {layout.name} can use {options.tag} with imagePullPolicy IfNotPresent or Never")
        return
    settings = of.environment(layout)
    if options.command == "env":
        for key, value in settings.items():
            print(f"export {key}={shlex.quote(value)}")
    elif options.command == "enter":
        print(shlex.join([*layout.enter, "env", *(f"{key}={value}" for key, value in settings.items())]))
    elif options.command == "exec":
        program = options.program[1:] if options.program[:1] == ["--"] else options.program
        _become(layout, program or ["true"], settings)
    elif options.command == "shell":
        say(f"a shell inside cluster {layout.name}; leave it with exit")
        _become(layout, [os.environ.get("SHELL") or "/bin/sh"], settings)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.cluster", description="A real Kubernetes, with Docker and without."
    )
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
    up.add_argument(
        "--driver", default=os.environ.get("DRIVER") or "", help="native or kind; default: kind where Docker answers"
    )
    execute.add_argument("program", nargs=argparse.REMAINDER)
    return parser


def _list() -> int:
    for one in driver.DRIVERS:
        for layout in one.known():
            shape, state = one.shape_of(layout) or "?", one.seen_from_outside(layout)
            print(f"{layout.name:20} {shape:14} {one.name:7} {state:8} {layout.state}")
    return 0


def _there(name: str) -> tuple[driver.Driver, Layout]:
    of = driver.find(name)
    if of is None or not of.can_be_entered(of.layout(name)):
        raise ClusterError(f"cluster {name} is not there; start it: python -m tests.cluster up --name {name}")
    return of, of.layout(name)


def _become(layout: Layout, program: list[str], settings: Mapping[str, str]) -> None:
    """Be the program, inside: signals and exit code are its own."""
    argv = [*layout.enter, *program]
    os.execvpe(argv[0], argv, {**os.environ, **settings})


def _end(number: int, frame: FrameType | None) -> None:
    raise SystemExit(128 + number)


if __name__ == "__main__":
    sys.exit(main())
