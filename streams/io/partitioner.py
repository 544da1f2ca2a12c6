"""Key → partition, as Kafka's clients do it, so that a key has the same neighbours on every log.

Source: https://github.com/apache/kafka/blob/4.1.0/clients/src/main/java/org/apache/kafka/common/utils/Utils.java
(`murmur2`, public domain by Austin Appleby) and `BuiltInPartitioner.partitionForKey`.
"""

from functools import lru_cache

_SEED = 0x9747B28C
_MIX = 0x5BD1E995
_32_BITS = 0xFFFFFFFF


@lru_cache(maxsize=4096)  # the same few thousand asset keys come again and again
def partition_of_key(key: bytes, partitions: int) -> int:
    """The partition of a key, 0 to `partitions` - 1.

    >>> partition_of_key(b"shop/orders", 4)
    0
    """
    return (murmur2(key) & 0x7FFFFFFF) % partitions


def murmur2(key: bytes) -> int:
    """MurmurHash2 with Kafka's seed, as an unsigned 32-bit number."""
    hashed = _SEED ^ len(key)
    whole = len(key) & ~3
    for at in range(0, whole, 4):
        word = int.from_bytes(key[at : at + 4], "little") * _MIX & _32_BITS
        word = (word ^ (word >> 24)) * _MIX & _32_BITS
        hashed = (hashed * _MIX & _32_BITS) ^ word
    if len(key) > whole:
        hashed = (hashed ^ int.from_bytes(key[whole:], "little")) * _MIX & _32_BITS
    hashed = (hashed ^ (hashed >> 13)) * _MIX & _32_BITS
    return hashed ^ (hashed >> 15)
