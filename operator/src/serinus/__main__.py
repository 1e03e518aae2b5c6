"""The command `serinus`."""

import asyncio
import logging
import os
from importlib.metadata import version
from typing import Annotated

import structlog
import typer

from serinus.plugin import Resource
from serinus.shell import reconcile, telemetry
from serinus.shell.access import AccessError
from serinus.shell.facts import ROUTERS, WORKLOADS
from serinus.shell.process import operate
from serinus.shell.settings import SettingsError, load

UNUSABLE = 2
"""Exit code for settings that cannot be used: restarting changes nothing."""

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"serinus {version('serinus')}")
        raise typer.Exit


@app.callback()
def serinus(
    show_version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and end.")
    ] = False,
) -> None:
    """Rolls out machine-learning models on Kubernetes progressively, proves them, and takes them back."""


@app.command()
def run() -> None:
    """Run the operator. Settings are environment variables SERINUS_…; see the chart's values."""
    try:
        settings = load()
    except SettingsError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(UNUSABLE) from error
    telemetry.configure_logs(settings.log_format, settings.log_level)
    kinds: list[Resource] = [one.resource for one in ROUTERS.values()] + [one.resource for one in WORKLOADS.values()]
    try:
        asyncio.run(operate(settings, reconcile.run, kinds))
    except (AccessError, SettingsError) as error:
        structlog.get_logger().error(str(error))
        raise typer.Exit(UNUSABLE) from error
    except Exception as error:
        structlog.get_logger().exception("the operator ends by an error")
        raise typer.Exit(1) from error
    # All is handed back. Taking the interpreter and its libraries apart would cost seconds on a busy node.
    logging.shutdown()
    os._exit(0)


def main() -> None:
    """Entry point of the console script."""
    app()


if __name__ == "__main__":
    main()
