"""What App promises those who declare with it."""

import functools
from collections.abc import Callable
from datetime import timedelta
from typing import Annotated, Any

import pytest

import everfresh as ef
from reactors.binding import Argument
from reactors.recipes import Program
from streams.definitions import Dep, Manifest
from streams.errors import DefinitionError


def shop() -> ef.App:
    """One of everything."""
    app = ef.App("shop", store=ef.JsonStore("data"))
    orders = app.source("orders", owner="checkout", exists=True, load=lambda: [1, 2, 3])
    app.pool("warehouse", slots=4)

    @app.asset(
        deps=[orders, "finance/fx-rates"],
        freshness=ef.Within("5m"),
        retry=ef.Retry(3, delay="10s"),
        timeout="10m",
        pool="warehouse",
        takes="30s",
        owner="growth",
        code_version="2",
        description="what was earned",
    )
    def revenue(orders: list[int], fx_rates: ef.Input, ctx: ef.Context) -> int:
        return sum(orders)

    @app.asset(deps={"earned": revenue, "before": "orders"}, executor="thread", store=None)
    def report(earned: int, before: Any = None) -> ef.Output:
        return ef.Output(version="1")

    @app.asset(deps=[revenue])
    async def forecast(revenue: int) -> int:
        return revenue

    app.command("docs", ["dbt", "build", "-s", "docs"], deps=[revenue], freshness=ef.Manual())

    @app.check(revenue, severity="critical", blocking=True)
    def positive(revenue: int) -> bool:
        return revenue > 0

    return app


def test_everything_declared_is_in_the_manifest() -> None:
    manifest = shop().manifest(7)
    found = {asset.key: asset for asset in manifest.assets}
    assert list(found) == ["shop/docs", "shop/forecast", "shop/orders", "shop/report", "shop/revenue"]
    assert (manifest.domain, manifest.deploy, manifest.pools) == ("shop", 7, {"warehouse": 4})
    orders, revenue = found["shop/orders"], found["shop/revenue"]
    assert (orders.kind, orders.owner, orders.exists) == ("source", "checkout", True)
    assert revenue.deps == (
        Dep(asset="shop/orders", argument="orders"),
        Dep(asset="finance/fx-rates", argument="fx_rates"),
    )
    assert (revenue.policy, revenue.retry) == (ef.Within("5m"), ef.Retry(3, delay="10s"))
    assert (revenue.timeout_ms, revenue.takes_ms, revenue.pool) == (600_000, 30_000, "warehouse")
    assert (revenue.owner, revenue.code_version, revenue.description) == ("growth", "2", "what was earned")
    assert [(check.name, check.severity, check.blocking) for check in revenue.checks] == [
        ("positive", "critical", True)
    ]
    assert found["shop/report"].policy == ef.OnDemand()
    assert found["shop/docs"].policy == ef.Manual()


def test_a_manifest_travels_as_json_and_comes_back_equal() -> None:
    manifest = shop().manifest(7)
    assert Manifest.model_validate_json(manifest.model_dump_json()) == manifest


def test_the_code_has_what_a_worker_needs() -> None:
    app = shop()
    code = app.code()
    revenue, docs = code.recipes["shop/revenue"], code.recipes["shop/docs"]
    assert revenue.takes == {
        "shop/orders": Argument("orders", list[int]),
        "finance/fx-rates": Argument("fx_rates", ef.Input),
    }
    assert revenue.context == "ctx"
    assert revenue.store is app.store
    assert [question.check.name for question in revenue.questions] == ["positive"]
    assert code.recipes["shop/report"].store is None
    assert docs.made_by == Program(("dbt", "build", "-s", "docs"))
    assert code.reads["shop/orders"]() == [1, 2, 3]
    assert code.versions == {"shop/revenue": "2", "shop/report": "1", "shop/forecast": "1", "shop/docs": "1"}


def test_functions_run_in_processes_async_ones_on_the_loop_and_others_where_they_asked() -> None:
    app = shop()
    app.reference = "shop.py:app"
    code = app.code()
    places = {key: code.where(key) for key in code.recipes}
    assert places == {
        "shop/revenue": "process",
        "shop/report": "thread",
        "shop/forecast": "loop",
        "shop/docs": "process",
    }


def test_an_app_that_no_other_process_can_load_runs_in_threads() -> None:
    assert shop().code().where("shop/revenue") == "thread"


def test_a_decorated_function_stays_what_it_was() -> None:
    app = ef.App("shop")

    @app.asset(deps=["orders"])
    def revenue(orders: list[int], days: int = 1) -> int:
        """What was earned."""
        return sum(orders) * days

    @app.check(revenue)
    def positive(revenue: int) -> bool:
        return revenue > 0

    assert revenue([1, 2], days=2) == 6
    assert positive(3) is True
    assert (revenue.__name__, revenue.__doc__, revenue.key) == ("revenue", "What was earned.", "shop/revenue")


def test_equal_declarations_hash_equal_whatever_the_deploy_and_the_order() -> None:
    def declared(order: int) -> ef.App:
        app = ef.App("shop")
        names = ["a", "b"][:: 1 if order else -1]
        for name in names:
            app.source(name)
        for name in names:
            app.pool(name, slots=1)
        return app

    one, other = declared(0).manifest(1), declared(1).manifest(2)
    assert one.hash == other.hash != ""
    assert one.assets == other.assets


@pytest.mark.parametrize(
    "change",
    [
        {"freshness": ef.Within("6m")},
        {"code_version": "2"},
        {"retry": ef.Retry(1)},
        {"timeout": "1s"},
        {"takes": timedelta(seconds=3)},
        {"owner": "me"},
        {"deps": []},
        {"name": "other"},
    ],
)
def test_a_changed_declaration_hashes_differently(change: dict[str, Any]) -> None:
    def declared(**options: Any) -> str:
        app = ef.App("shop")
        app.source("orders")
        given = {"name": "revenue", "deps": ["orders"], "freshness": ef.Within("5m"), **options}
        app.asset(**given)(lambda orders=None: orders)
        return app.manifest(1).hash

    assert declared(**change) != declared()


# What makes no sense: each in one sentence that says who, what, and what to do


def plain(orders: Any) -> Any:
    return orders


def yields(orders: Any) -> Any:
    yield orders


async def later(orders: Any) -> Any:
    return orders


def by_position(orders: Any, /) -> Any:
    return orders


def asset(function: Callable[..., Any] = plain, **options: Any) -> Callable[[ef.App], Any]:
    return lambda app: app.asset(**{"deps": ["orders"], "name": "revenue", **options})(function)


def twice(app: ef.App) -> None:
    asset()(app)
    asset()(app)


def check_twice(app: ef.App) -> None:
    revenue = asset()(app)
    for _ in range(2):
        app.check(revenue)(plain)


def unresolved(orders: "pl.DataFrame") -> None: ...  # type: ignore[name-defined]  # noqa: F821


def missing_pool(app: ef.App) -> None:
    app.pool("warehouse", slots=1)
    asset(pool="warehouze")(app)
    app.manifest(1)


NONSENSE: list[tuple[Callable[[ef.App], Any], str]] = [
    (lambda _: ef.App("my shop"), "'my shop' can't be an app's name: it is 1 to 100 letters"),
    (lambda _: ef.App(None), "None can't be an app's name"),  # type: ignore[arg-type]
    (lambda app: app.source("bad name"), "asset 'shop/bad name': key: 'shop/bad name' is no asset key: it is 'domain/"),
    (
        lambda app: app.source("finance/fx"),
        "'finance/fx' is of another domain; app 'shop' declares its own assets only",
    ),
    (lambda app: app.source("orders"), "two assets are called 'shop/orders'; rename one"),
    (lambda app: app.source("x", load=lambda a, b: a), "load= of source 'shop/x' takes an ef.Input or nothing, not 2"),
    (lambda app: app.source("x", load=later), "load= of source 'shop/x' is async; it has to be an ordinary function"),
    (twice, "two assets are called 'shop/revenue'; rename one"),
    (asset(name="orders", deps=[]), "nothing fills the argument 'orders'"),
    (asset(deps={"ordres": "orders"}), "reads 'shop/orders' as 'ordres', an argument that its function lacks (did you"),
    (
        asset(lambda orders, extra: 1),
        "nothing fills the argument 'extra' of its function; name an asset for it in deps",
    ),
    (asset(deps=["a/orders", "orders"]), "would share an argument; name the arguments"),
    (asset(lambda a, b: 1, deps={"a": "orders", "b": "orders"}), "names one asset twice in its deps"),
    (asset(deps="orders"), "deps is a list or a dict of assets, not 'orders' alone; write deps=[…]"),
    (asset(deps=[3]), "3 is no asset: name one by its key"),
    (asset(by_position), "takes 'orders' by position only"),
    (
        asset(unresolved),
        "an annotation of its function names 'pl', which isn't there when the app is loaded; import it",
    ),
    (asset(yields), "its function yields; it has to return one value"),
    (asset(later, executor="thread"), "an async function runs on the worker's loop"),
    (asset(executor="rocket"), "executor is 'process' or 'thread', not 'rocket'"),
    (asset(freshness="5m"), "freshness is a policy like ef.Within('5m'), not '5m'"),
    (asset(retry=3), "retry is like ef.Retry(3), not 3"),
    (asset(timeout="soon"), "asset 'shop/revenue': timeout: 'soon' is no duration; write it like '30s'"),
    (asset(timeout=0), "timeout: input should be greater than 0, not 0"),
    (asset(takes="-1s"), "takes: '-1s' is no duration"),
    (asset(code_version=2), "code_version: input should be a valid string, not 2"),
    (
        asset(freshnes=ef.Within("5m")),
        "asset(…) has no option 'freshnes' (did you mean 'freshness'?); it has freshness, ",
    ),
    (asset(partitions="daily"), "partitions is like ef.Daily('2013-01-01'), not 'daily'"),
    (lambda app: app.command("docs", "dbt build"), "its program is a list of texts like ['dbt', 'build'], not 'dbt bu"),
    (lambda app: app.command("docs", []), "its program is a list of texts"),
    (lambda app: app.command("docs", ["dbt"], executor="thread"), "command(…) has no option 'executor'"),  # type: ignore[call-arg]
    (lambda app: app.check("orders")(plain), "check 'plain' of asset 'shop/orders': this app computes no such asset"),
    (lambda app: app.check("finance/fx")(plain), "this app computes no such asset"),
    (check_twice, "check 'plain' of asset 'shop/revenue': there are two of that name; rename one"),
    (lambda app: app.check(asset()(app))(lambda: True), "its function takes 0 values (none); a check takes the one it"),
    (lambda app: app.check(asset()(app), severity="bad")(plain), "severity: input should be 'info', 'warn', 'error'"),  # type: ignore[arg-type]
    (lambda app: app.pool("p", slots=0), "pool 'p': slots is a whole number from 1, not 0"),
    (lambda app: app.pool("a b", slots=1), "'a b' can't be a pool's name"),
    (lambda app: (app.pool("p", slots=1), app.pool("p", slots=2)), "pool 'p' is declared twice"),
    (missing_pool, "names the pool 'warehouze', which nobody declares (did you mean 'warehouse'?)"),
    (lambda app: app.manifest(-1), "deploy -1 of 'shop': deploy: input should be greater than or equal to 0"),
    (lambda _: ef.Within("5 minutes"), "Within('5 minutes'): lag: '5 minutes' is no duration; write it like '30s'"),
    (lambda _: ef.Within(0), "Within(0): lag: input should be greater than 0, not 0"),
    (lambda _: ef.Eager(quiet="10s", max_wait="1s"), "max_wait (1000 ms) is shorter than quiet (10000 ms)"),
    (lambda _: ef.Retry(-1), "Retry(-1): times: input should be greater than or equal to 0, not -1"),
    (lambda _: ef.Retry(1, delays="1s"), "Retry has no option 'delays'; it has delay, backoff"),
]


@pytest.mark.parametrize(("declare", "said"), NONSENSE, ids=[said[:50] for _, said in NONSENSE])
def test_nonsense_ends_in_one_sentence(declare: Callable[[ef.App], Any], said: str) -> None:
    app = ef.App("shop")
    app.source("orders")
    with pytest.raises(DefinitionError) as raised:
        declare(app)
    assert said in str(raised.value)
    assert "\n" not in str(raised.value)
    assert "pydantic" not in str(raised.value)


def test_a_refused_asset_leaves_nothing_behind() -> None:
    app = ef.App("shop")
    with pytest.raises(DefinitionError):
        app.asset(deps=["orders"])(lambda: 1)
    with pytest.raises(DefinitionError):
        app.source("orders", load=lambda a, b: 1)
    assert app.manifest(1).assets == ()


@pytest.mark.parametrize(
    ("function", "context"),
    [
        (lambda ctx: 1, "ctx"),
        (lambda **rest: 1, None),
        (functools.partial(plain, 1), None),
        (lambda a=1: 1, None),
    ],
)
def test_functions_of_many_shapes_are_welcome(function: Callable[..., Any], context: str | None) -> None:
    app = ef.App("shop")
    app.asset(name="revenue")(function)
    assert app.code().recipes["shop/revenue"].context == context


def test_types_behind_optional_and_annotated_are_found() -> None:
    app = ef.App("shop")

    def revenue(a: Annotated[ef.Input, "an input"], b: ef.Input | None, c: "ef.Input") -> None: ...

    app.asset(deps=["a", "b", "c"])(revenue)
    assert {argument.wants for argument in app.code().recipes["shop/revenue"].takes.values()} == {ef.Input}
