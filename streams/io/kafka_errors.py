"""What Kafka's clients raise, as one sentence with the address and what to do next."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiokafka import errors
from aiokafka.errors import KafkaError

from streams.errors import LogUnavailable

NOISY = (
    "aiokafka",
    "aiokafka.client",
    "aiokafka.conn",
    "aiokafka.cluster",
    "aiokafka.consumer.consumer",
    "aiokafka.consumer.fetcher",
    "aiokafka.consumer.group_coordinator",
    "aiokafka.consumer.subscription_state",
    "aiokafka.producer.producer",
    "aiokafka.producer.sender",
)
REPEAT_SECONDS = 30.0


@asynccontextmanager
async def asking(address: str, what: str, deadline_ms: int) -> AsyncIterator[None]:
    """Do something with Kafka, within the deadline; whatever goes wrong comes out as LogUnavailable."""
    try:
        async with asyncio.timeout(deadline_ms / 1_000):
            yield
    except TimeoutError as error:
        raise LogUnavailable(
            f"Kafka at {address} didn't answer within {deadline_ms / 1_000:g} s ({what}); check that it runs and isn't "
            "overloaded, then try again"
        ) from error
    except (KafkaError, OSError) as error:
        raise unavailable(address, what, error) from error


def unavailable(address: str, what: str, error: Exception) -> LogUnavailable:
    """The error to raise for one of Kafka's."""
    return LogUnavailable(f"Kafka at {address}: {what} failed, {_why(error)}")


def _why(error: Exception) -> str:
    match error:
        case errors.KafkaConnectionError() | errors.NodeNotReadyError() | OSError():
            return "it can't be reached; start it, or check the address, then try again"
        case errors.NotEnoughReplicasError() | errors.NotEnoughReplicasAfterAppendError():
            return "too few replicas are in sync; bring the missing brokers back, then try again"
        case (
            errors.TopicAuthorizationFailedError()
            | errors.GroupAuthorizationFailedError()
            | errors.ClusterAuthorizationFailedError()
            | errors.TransactionalIdAuthorizationFailed()
        ):
            return f"this user may not ({error}); grant it in the cluster's ACLs"
        case errors.ProducerClosed():
            return "its producer was given up, because another append failed; try again"
        case errors.OutOfOrderSequenceNumber() | errors.UnknownProducerId():
            return "the producer lost its place; a new one is started, try again"
        case errors.MessageSizeTooLargeError():
            return "its message.max.bytes is below what everfresh writes; raise it to 1 MiB, its default"
        case _:
            return f"it says {type(error).__name__}: {error}; try again"


class Seldom(logging.Filter):
    """Lets a message through once in 30 seconds: a broker that is down is no news the second time."""

    def __init__(self) -> None:
        super().__init__()
        self._said: dict[str, tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        said_at, dropped = self._said.get(str(record.msg), (-REPEAT_SECONDS, 0))
        now = time.monotonic()
        if now - said_at < REPEAT_SECONDS:
            self._said[str(record.msg)] = (said_at, dropped + 1)
            return False
        self._said[str(record.msg)] = (now, 0)
        if dropped:
            record.msg = f"{record.msg} (and {dropped} times more since)"
        return True


def quieten() -> None:
    """Warnings and errors of aiokafka only, and each seldom. Whoever set a level before has it his way."""
    parent = logging.getLogger("aiokafka")
    if parent.level == logging.NOTSET:
        parent.setLevel(logging.WARNING)
    for name in NOISY:
        logger = logging.getLogger(name)
        if not any(isinstance(one, Seldom) for one in logger.filters):
            logger.addFilter(Seldom())
