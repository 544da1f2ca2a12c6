"""Settings: the command line's options, then the environment (EVERFRESH_…), then everfresh.toml, then defaults."""

from pathlib import Path
from typing import Annotated, Any, Literal

import orjson
from pydantic import Field, ValidationError, ValidationInfo, field_validator
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from everfresh.bill_settings import BillSettings
from everfresh.destination_settings import AlertmanagerSettings, PagerDutySettings, SlackSettings
from everfresh.history_settings import HistorySettings
from everfresh.message_settings import AppriseSettings, MailSettings
from everfresh.openlineage_settings import OpenLineageSettings
from everfresh.route_settings import RouteSettings, must_know, routing, sink_names
from everfresh.webhook_settings import WebhookSettings
from sinks.routing import Routing
from streams.cloudevents import plain
from streams.definitions import NAME
from streams.errors import SettingError
from streams.topics import Topics
from streams.units import Duration

DEFAULT_LOG = "sqlite:.everfresh/log.db"
FILE = "everfresh.toml"
TABLES = ("webhooks", "alertmanager", "pagerduty", "slack", "apprise", "mail", "history", "openlineage", "bills")
"""whoever is told, keeps what happened, or bills, each by its name"""


class Settings(BaseSettings):
    """What an installation may set. Each name is an environment variable too: `EVERFRESH_` and the name in capitals."""

    model_config = SettingsConfigDict(
        env_prefix="EVERFRESH_", toml_file=FILE, extra="forbid", hide_input_in_errors=True
    )

    log: str = DEFAULT_LOG  # sqlite:path, kafka://host:port,… or memory:
    prefix: str = "everfresh."  # of every topic
    replication: int = Field(default=-1, ge=-1)  # of topics we create; -1 is the broker's default
    lease_ms: Duration = Field(default=30_000, ge=1_000)  # how long a worker may be silent
    session_ms: Duration = Field(default=10_000, ge=1_000)  # how long a reactor or ingress may be silent on Kafka
    claim_ms: Duration = Field(default=15_000, ge=100)  # how long a grant may be on its way
    slots: int = Field(default=2, ge=1)  # of a worker
    worker: str = ""  # its name; the machine's name and the process's number where it isn't said
    snapshot_entries: int = Field(default=50_000, ge=1)
    snapshot_ms: Duration = Field(default=60_000, ge=100)
    journal_keep_ms: Duration | None = Field(default=None, ge=3_600_000)  # a journal, at least; None: for good
    sinks: tuple[Literal["log", "prometheus"], ...] = ("log", "prometheus")  # what the sinks role delivers to
    webhooks: Annotated[dict[str, WebhookSettings], NoDecode] = Field(default_factory=dict)  # and to whom, by HTTP
    alertmanager: Annotated[dict[str, AlertmanagerSettings], NoDecode] = Field(default_factory=dict)
    pagerduty: Annotated[dict[str, PagerDutySettings], NoDecode] = Field(default_factory=dict)
    slack: Annotated[dict[str, SlackSettings], NoDecode] = Field(default_factory=dict)
    apprise: Annotated[dict[str, AppriseSettings], NoDecode] = Field(default_factory=dict)
    mail: Annotated[dict[str, MailSettings], NoDecode] = Field(default_factory=dict)
    routes: tuple[RouteSettings, ...] = ()  # which alerts go to which of these
    unrouted: tuple[str, ...] = ()  # where an alert goes that no route wants; to all that routes name if not said
    metrics_port: int = Field(default=9464, ge=0, le=65_535)
    metrics_host: str = "127.0.0.1"
    metrics_series: int = Field(default=1_000, ge=10)  # assets, and other series of a metric, that are shown apart
    reactor_port: int | None = Field(default=None, ge=0, le=65_535)  # where a reactor without sinks shows its metrics
    gateway_port: int = Field(default=8080, ge=0, le=65_535)
    gateway_host: str = "127.0.0.1"
    gateway_token: str = ""  # what callers must show; needed where the gateway listens off the loopback address
    history: Annotated[dict[str, HistorySettings], NoDecode] = Field(default_factory=dict)  # databases that keep all
    openlineage: Annotated[dict[str, OpenLineageSettings], NoDecode] = Field(default_factory=dict)  # who knows lineage
    bills: Annotated[dict[str, BillSettings], NoDecode] = Field(default_factory=dict)  # services that bill
    datasets: Annotated[dict[str, str], NoDecode] = Field(default_factory=dict)  # OpenLineage's name → a source here
    grace_ms: Duration = Field(default=30_000, ge=0)  # how long SIGTERM waits for runs in flight

    @field_validator("*", mode="before")
    @classmethod
    def _bare_milliseconds(cls, value: Any, info: ValidationInfo) -> Any:
        """The environment has texts only: a number there is what it is in a file, milliseconds."""
        is_bare = isinstance(value, str) and value.isdigit() and str(info.field_name).endswith("_ms")
        return int(value) if is_bare else value

    @field_validator(*TABLES, "datasets", mode="before")
    @classmethod
    def _from_json(cls, value: Any, info: ValidationInfo) -> Any:
        try:
            return orjson.loads(value) if isinstance(value, str) else value
        except orjson.JSONDecodeError as error:
            raise ValueError(f"it is no JSON object of {info.field_name} by their names: {error}") from None

    @field_validator(*TABLES)
    @classmethod
    def _with_names(cls, value: dict[str, Any]) -> dict[str, Any]:
        """A destination's name becomes a part of its consumer group's."""
        for name in value:
            if not NAME.fullmatch(name):
                raise ValueError(f"{name!r} is no name: letters, digits, '_', '-' and '.', at most 100")
        return value

    @field_validator("routes", "unrouted")
    @classmethod
    def _lead_somewhere(cls, value: tuple[Any, ...], info: ValidationInfo) -> tuple[Any, ...]:
        named = value if info.field_name == "unrouted" else [name for one in value for name in one.to]
        must_know(named, sink_names(info.data))
        return value

    @property
    def routing(self) -> Routing:
        """Which alerts go to which sinks."""
        return routing(self.routes, self.unrouted)

    @field_validator("datasets")
    @classmethod
    def _to_assets(cls, value: dict[str, str]) -> dict[str, str]:
        for dataset, asset in value.items():
            domain, _, name = asset.partition("/")
            if not (NAME.fullmatch(domain) and NAME.fullmatch(name)):
                raise ValueError(f"{dataset!r} is said to be {asset!r}, which is no asset key like 'shop/orders'")
        return value

    @property
    def topics(self) -> Topics:
        """The topics under the prefix."""
        return Topics(self.prefix)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003  pydantic-settings names it
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003  the same
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Without a .env file and a secrets folder: two places to look are enough."""
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls)


def settings(**said: Any) -> Settings:
    """Read the settings; what was said on the command line comes first. Raises SettingError with the setting's name."""
    try:
        return Settings(**{name: value for name, value in said.items() if value is not None})
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        name = ".".join(map(str, first["loc"])) or "settings"
        variable = name.partition(".")[0].upper()
        raise SettingError(
            f"setting {name!r} is wrong: {plain(first['msg'])}; set it by EVERFRESH_{variable} or in {_where()}"
        ) from None
    except ValueError as error:  # a TOML file that can't be read
        raise SettingError(f"{_where()} can't be read: {error}") from None


def _where() -> str:
    return str(Path(FILE).resolve())
