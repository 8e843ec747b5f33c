"""Where a customer's records lie: the partition that Kafka's default partitioner gives to his id."""

from functools import lru_cache
from typing import Final

_SEED: Final = 0x9747B28C
_M: Final = 0x5BD1E995
_32: Final = 0xFFFFFFFF


@lru_cache(maxsize=4_096)  # asked several times on one event's way
def place_of(customer: str) -> int:
    """Give a number from 0 to 2**31 - 1; modulo the number of partitions it is the customer's partition.

    The rule is that of Kafka's producers for a record whose key is the customer id in UTF-8 (murmur2, sign bit
    cleared), so a topic whose publisher keeps to it needs no look at its other partitions.
    """
    key = customer.encode()
    length = len(key)
    h = _SEED ^ length
    whole = length & ~3
    for start in range(0, whole, 4):
        k = int.from_bytes(key[start : start + 4], "little") * _M & _32
        k = (k ^ k >> 24) * _M & _32
        h = (h * _M & _32) ^ k
    if whole < length:
        h = (h ^ int.from_bytes(key[whole:], "little")) * _M & _32
    h = (h ^ h >> 13) * _M & _32
    return (h ^ h >> 15) & 0x7FFFFFFF
