"""How a partition of an asset is named where one text must do: `asset[partition]`."""


def node_key(asset: str, partition: str = "") -> str:
    """The name of a node, or of what a source's partition is.

    >>> node_key("shop/revenue"), node_key("shop/revenue", "2013-01-01")
    ('shop/revenue', 'shop/revenue[2013-01-01]')
    """
    return f"{asset}[{partition}]" if partition else asset


def asset_of(key: str) -> str:
    """The asset that a node, or a root, is of.

    >>> asset_of("shop/revenue[2013-01-01]"), asset_of("code:shop/revenue")
    ('shop/revenue', 'code:shop/revenue')
    """
    return key.partition("[")[0]


def partition_of(key: str) -> str:
    """The partition in a key; empty where it names none."""
    return key.partition("[")[2][:-1]
