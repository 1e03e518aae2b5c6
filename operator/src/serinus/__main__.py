"""The command `serinus`."""

from importlib.metadata import version
from typing import Annotated

import typer

from serinus.cli.backtest import backtest
from serinus.cli.plan import plan_command
from serinus.cli.run import run

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


app.command()(run)
app.command()(backtest)
app.command("plan")(plan_command)


def main() -> None:
    """Entry point of the console script."""
    app()


if __name__ == "__main__":
    main()
