"""`serinus run`: the operator."""

import asyncio
import logging
import os

import typer

from serinus.cli.codes import UNUSABLE


def run() -> None:
    """Run the operator. Settings are environment variables SERINUS_…; see the chart's values."""
    # What talks to a cluster takes longer to import than other verbs take to answer.
    import structlog

    from serinus.plugin import Resource
    from serinus.shell import reconcile, telemetry
    from serinus.shell.access import AccessError
    from serinus.shell.facts import ROUTERS, WORKLOADS
    from serinus.shell.process import operate
    from serinus.shell.settings import SettingsError, load

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
