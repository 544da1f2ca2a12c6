"""The history's tables as SQL, version by version. What was released is never edited: a change is a new version.

One text for both databases; what they call differently stands in braces.
"""

from collections.abc import Mapping

POSTGRES: Mapping[str, str] = {
    "moment": "timestamptz",
    "json": "jsonb",
    "real": "double precision",
    "flag": "boolean",
    "whole": "bigint",
    "seconds_between": "extract(epoch FROM ({end} - {begin}))::double precision",
}
SQLITE: Mapping[str, str] = {
    "moment": "TEXT",
    "json": "TEXT",
    "real": "REAL",
    "flag": "INTEGER",
    "whole": "INTEGER",
    "seconds_between": "round((julianday({end}) - julianday({begin})) * 86400, 3)",
}
"""what a column of each kind is called"""

VERSIONS_TABLE = (
    "CREATE TABLE IF NOT EXISTS everfresh_schema (version INTEGER PRIMARY KEY, applied_at {moment} NOT NULL)"
)

_COMMON = """
    event_id TEXT PRIMARY KEY, at {moment} NOT NULL, source TEXT NOT NULL, sequence TEXT,
    domain TEXT NOT NULL, asset TEXT, partition_key TEXT NOT NULL"""

_SPAN = "started_at {moment}, finished_at {moment}, duration_seconds {real}"

_TABLES = (
    f"""CREATE TABLE everfresh_materializations ({_COMMON},
    kind TEXT NOT NULL, version TEXT NOT NULL, fingerprint TEXT, uri TEXT, format TEXT,
    run TEXT, attempt {{whole}}, consistent {{flag}} NOT NULL, {_SPAN}, details {{json}} NOT NULL)""",
    f"""CREATE TABLE everfresh_runs ({_COMMON},
    run TEXT NOT NULL, attempt {{whole}}, worker TEXT, outcome TEXT NOT NULL, reason TEXT, {_SPAN})""",
    f"""CREATE TABLE everfresh_checks ({_COMMON},
    check_name TEXT NOT NULL, version TEXT NOT NULL, run TEXT, outcome TEXT NOT NULL, severity TEXT NOT NULL,
    blocking {{flag}} NOT NULL, observed TEXT, expected TEXT, metric {{real}}, n_tested {{whole}}, n_failed {{whole}},
    engine TEXT, sample_ref TEXT, duration_seconds {{real}}, details {{json}} NOT NULL)""",
    f"""CREATE TABLE everfresh_costs ({_COMMON},
    cost_id TEXT NOT NULL, revision {{whole}} NOT NULL, run TEXT, resource TEXT NOT NULL, quantity {{real}} NOT NULL,
    unit TEXT NOT NULL, amount {{real}}, currency TEXT, method TEXT NOT NULL, status TEXT NOT NULL,
    period TEXT NOT NULL, details {{json}} NOT NULL)""",
    f"""CREATE TABLE everfresh_alerts ({_COMMON},
    fingerprint TEXT NOT NULL, episode {{whole}} NOT NULL, transition TEXT NOT NULL,
    transition_number {{whole}} NOT NULL, rule TEXT NOT NULL, severity TEXT NOT NULL, owner TEXT,
    summary TEXT NOT NULL, expected TEXT, actual TEXT, since {{moment}} NOT NULL,
    inhibited_by TEXT, acknowledged_by TEXT, silenced_until {{moment}}, flapping {{flag}} NOT NULL,
    details {{json}} NOT NULL)""",
    f"""CREATE TABLE everfresh_freshness ({_COMMON},
    verdict TEXT NOT NULL, previous TEXT, lag_seconds {{real}} NOT NULL, promise_seconds {{real}},
    stale_since {{moment}}, due_at {{moment}}, reason TEXT NOT NULL)""",
)

_INDEXES = (
    *(
        f"CREATE INDEX everfresh_{name}_by_asset ON everfresh_{name} (asset, at)"
        for name in ("materializations", "runs", "checks", "costs", "freshness")
    ),
    *(
        f"CREATE INDEX everfresh_{name}_by_time ON everfresh_{name} (at)"
        for name in ("materializations", "runs", "checks", "costs", "freshness", "alerts")
    ),
    "CREATE INDEX everfresh_costs_by_id ON everfresh_costs (cost_id, revision)",
    "CREATE INDEX everfresh_alerts_by_episode ON everfresh_alerts (fingerprint, episode)",
)

_NEWEST_COSTS = """CREATE VIEW everfresh_newest_costs AS
    SELECT * FROM everfresh_costs c WHERE NOT EXISTS (
        SELECT 1 FROM everfresh_costs newer WHERE newer.cost_id = c.cost_id AND (
            newer.revision > c.revision OR newer.revision = c.revision AND newer.event_id > c.event_id))"""

_EPISODES = """CREATE VIEW everfresh_alert_episodes AS
    SELECT opened.fingerprint, opened.episode, opened.rule, opened.severity, opened.domain, opened.asset,
        opened.owner, opened.summary, opened.at AS opened_at, ended.at AS resolved_at,
        {seconds_between} AS open_seconds
    FROM everfresh_alerts opened LEFT JOIN everfresh_alerts ended ON ended.fingerprint = opened.fingerprint
        AND ended.episode = opened.episode AND ended.transition = 'resolved'
    WHERE opened.transition = 'opened'"""

_MIGRATIONS: tuple[tuple[str, ...], ...] = (
    _TABLES,
    (*_INDEXES, _NEWEST_COSTS, _EPISODES),
)

VERSION = len(_MIGRATIONS)
"""the schema's version that this everfresh writes"""


def migration(version: int, kinds: Mapping[str, str]) -> list[str]:
    """The statements that make `version` of the one before it; versions begin at 1."""
    words = dict(kinds)
    words["seconds_between"] = words["seconds_between"].format(end="ended.at", begin="opened.at")
    return [statement.format(**words) for statement in _MIGRATIONS[version - 1]]


def newer(found: int) -> str:
    """What is said of tables that a later everfresh made."""
    return f"the history has schema {found}, this everfresh knows {VERSION}: start the sinks with the newer everfresh"
