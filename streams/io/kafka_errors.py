"""What Kafka's clients raise, as one sentence with the address and what to do next."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiokafka import errors
from aiokafka.errors import KafkaError

from streams.errors import LogUnavailable
from streams.io.seldom import Seldom

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


def quieten() -> None:
    """Warnings and errors of aiokafka only, and each seldom. Whoever set a level before has it his way."""
    parent = logging.getLogger("aiokafka")
    if parent.level == logging.NOTSET:
        parent.setLevel(logging.WARNING)
    for name in NOISY:
        logger = logging.getLogger(name)
        if not any(isinstance(one, Seldom) for one in logger.filters):
            logger.addFilter(Seldom())
