"""The contract as an AsyncAPI 3.0 document: topics are channels, events their messages, and who sends and receives.

Its schemas are files beside it, `schemas/<type>.json`: JSON Schema of a newer draft than AsyncAPI has itself.
"""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from pydantic import BaseModel

from streams.cloudevents import CONTENT_TYPE, SIZE_MAX, Envelope
from streams.events import EVENTS
from streams.homes import DOMAIN, TRAFFIC, homes, named
from streams.schemas import first_paragraph
from streams.topics import Topic, Topics

Part = dict[str, Any]

FORMAT = "application/schema+json;version=draft-2020-12"
BINDING = "0.5.0"

ABOUT = (
    f"Every event is a CloudEvent 1.0 as structured JSON, at most {SIZE_MAX // 1024} KiB. Delivery is at least once: "
    "drop an `id` that you have seen, and a `sequence` that isn't above the last one of its key. "
    "Nothing is ordered across topics. Ignore fields and types that you don't know."
)
_NUMBERS = ("retention.ms", "retention.bytes")


def document(topics: Topics, version: str, examples: Mapping[str, Envelope], kinds: Collection[str]) -> Part:
    """The whole document for these types, with the channels in which one of them stands, or nothing of ours does."""
    carried = {name: [kind for kind in sorted(kinds) if name in homes(EVENTS[kind])] for name in TRAFFIC}
    is_whole = set(kinds) >= set(EVENTS)
    channels = {name: topic for name, topic in named(topics).items() if carried[name] or is_whole}
    operations = {key: one for name in channels for key, one in _operations(name, carried[name])}
    return {
        "asyncapi": "3.0.0",
        "id": "urn:everfresh:contract",
        "info": {"title": "everfresh", "version": version, "description": ABOUT, "license": {"name": "Apache-2.0"}},
        "defaultContentType": CONTENT_TYPE,
        "channels": {name: _channel(topic, carried[name]) for name, topic in channels.items()},
        "operations": operations,
        "components": {"messages": {kind: _message(kind, topics, examples.get(kind)) for kind in sorted(kinds)}},
    }


def _channel(topic: Topic, kinds: Collection[str]) -> Part:
    of_domain = {"parameters": {"domain": {"description": "A domain's name."}}} if DOMAIN in topic.name else {}
    key = f"The key is the {topic.key}." if topic.key else "Without a key: one partition orders it all."
    what = "" if kinds else " What everfresh keeps for itself; no CloudEvents."
    return {
        "address": topic.name.replace(DOMAIN, "{domain}"),
        "description": key + what,
        **of_domain,
        "messages": {kind: {"$ref": f"#/components/messages/{kind}"} for kind in kinds},
        "bindings": {
            "kafka": {
                "partitions": topic.partitions,
                "topicConfiguration": {word: _setting(word, said) for word, said in topic.settings.items()},
                "bindingVersion": BINDING,
            }
        },
    }


def _setting(word: str, said: str) -> str | int | list[str]:
    return [said] if word == "cleanup.policy" else int(said) if word in _NUMBERS else said


def _operations(name: str, kinds: Collection[str]) -> Iterator[tuple[str, Part]]:
    messages = [{"$ref": f"#/channels/{name}/messages/{kind}"} for kind in kinds]
    for action, who in (("send", TRAFFIC[name].senders), ("receive", TRAFFIC[name].receivers)):
        if who:
            said = {"action": action, "channel": {"$ref": f"#/channels/{name}"}, "summary": f"By {who}."}
            yield f"{action}-{name}", {**said, "messages": messages}


def _message(kind: str, topics: Topics, example: Envelope | None) -> Part:
    model = EVENTS[kind]
    key = _key(model, topics)
    binding = {"kafka": {"key": {"type": "string", "description": key}, "bindingVersion": BINDING}}
    return {
        "name": kind,
        "title": model.__name__,
        "summary": first_paragraph(model.__doc__),
        "contentType": CONTENT_TYPE,
        "headers": {"type": "object", "properties": {"content-type": {"const": CONTENT_TYPE}}},
        "payload": {"schemaFormat": FORMAT, "schema": {"$ref": f"./schemas/{kind}.json"}},
        **({"bindings": binding} if key else {}),
        **({"examples": [{"name": kind, "payload": example}]} if example else {}),
    }


def _key(model: type[BaseModel], topics: Topics) -> str:
    """What the message's key is, in the first topic that has one; a journal has none."""
    return next(filter(None, (named(topics)[name].key for name in homes(model))), "")
