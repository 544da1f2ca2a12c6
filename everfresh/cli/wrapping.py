"""`run`: any program that makes a source, wrapped: the source changed once it ends well."""

from dataclasses import dataclass
from typing import Annotated
from uuid import uuid4

from typer import Argument, Option, Typer

from everfresh.cli.command import Everywhere, command, unread
from everfresh.cli.screen import line

group = Typer()


@dataclass(frozen=True, kw_only=True)
class Run(Everywhere):
    """What `run` takes."""

    command: Annotated[
        list[str], Argument(metavar="CMD", help="The program and what it takes, after `--`.", show_default=False)
    ]
    asset: Annotated[str, Option("--asset", metavar="ASSET", help="The source that it makes: 'domain/name'.")]
    version: Annotated[str | None, Option(help="Opaque; the run's id where it isn't said.")] = None
    partition: Annotated[str | None, Option(help="Of the asset, where it has some.")] = None
    data_time: Annotated[str | None, Option(metavar="TIME", help="When the data changed: 2026-01-31T06:00:00Z.")] = None
    source: Annotated[str, Option(metavar="NAME", help="Who the events are from.")] = "everfresh/run"
    no_check: Annotated[bool, Option("--no-check", help="Don't look afterwards whether anybody declares it.")] = False


@command(group, "run", example="everfresh run --asset shop/orders -- ./load_orders.sh --day 2026-01-01")
async def run(said: Run) -> int:
    """Run a program that makes a source; publish that the source changed once it ended with 0, and what it cost.

    Its streams, its arguments, the signals and its exit code are as without everfresh. Where it fails, an alert fires
    until it ends well again. It may say more of the change in the file that EVERFRESH_OUTPUT names: a JSON object of
    version, data_time, fingerprint, uri, format, count, metadata, before what is said here.

    Where the log can't be reached, what there is to say waits in .everfresh/spool for the next `run`.
    """
    from everfresh.cli.attending import attend
    from everfresh.cli.place import settings_of
    from everfresh.cli.reporting import Report, output_file
    from everfresh.spool import Spool
    from streams.io.urls import check_url

    settings = settings_of(said)
    fields = {"version": said.version, "partition": said.partition, "data_time": said.data_time}
    report = Report(uuid4().hex, said.asset, said.source, fields)
    check_url(settings.log)
    spool = Spool(settings.log, settings.topics)
    with output_file() as output, spool.reserved(report.run):
        variables = {"EVERFRESH_RUN": report.run} | ({} if output is None else {"EVERFRESH_OUTPUT": str(output)})
        ended = attend(said.command, variables)  # it holds up the loop, on which nothing else runs
        try:
            report.hear(ended, output)
            from everfresh.cli.telling import tell  # not before: the program would have waited for what that imports

            told = await tell(report, settings, spool, check=not said.no_check)
            if said.json:
                line(told.json())
        except BrokenPipeError:  # whoever read this has seen enough, and the exit code is the program's all the same
            unread()
    return report.exit_code
