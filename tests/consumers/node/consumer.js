// Says that an asset changed and waits for the alert that follows, knowing docs/contract and nothing else of everfresh.
//
//   node consumer.js BROKER PREFIX SOURCE ASSET SECONDS
//
// publishes a change of SOURCE and waits for the alert about ASSET, which reads it, to open and to be resolved.
"use strict";

const assert = require("node:assert/strict");
const { randomUUID } = require("node:crypto");
const { Kafka, Partitioners, logLevel } = require("kafkajs");

const CONTENT_TYPE = "application/cloudevents+json";

async function main([broker, prefix, source, asset, seconds]) {
  assert(Number(seconds) > 0, "say BROKER PREFIX SOURCE ASSET SECONDS");
  const kafka = new Kafka({ clientId: "consumers-node", brokers: [broker], logLevel: logLevel.NOTHING });
  const consumer = kafka.consumer({ groupId: `${prefix}node-${randomUUID()}` });
  await consumer.connect();
  try {
    await consumer.subscribe({ topic: `${prefix}alerts.v1`, fromBeginning: true });
    await publish(kafka, prefix, source);
    const [opened, resolved] = await episode(consumer, asset, Number(seconds));
    compare(opened, resolved);
  } finally {
    await consumer.disconnect();
  }
}

/** Say that the source changed; the broker has it when this returns. */
async function publish(kafka, prefix, source) {
  const producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner });
  await producer.connect();
  const event = {
    specversion: "1.0",
    id: randomUUID(),
    source: "consumers/node",
    type: "everfresh.asset.changed.v1",
    subject: source,
    data: { version: "1" },
  };
  const message = { key: source, value: JSON.stringify(event), headers: { "content-type": CONTENT_TYPE } };
  await producer.send({ topic: `${prefix}changes.v1`, acks: -1, messages: [message] });
  await producer.disconnect();
}

/** The event that opened the alert about the asset, and the one that resolved it; an error after so many seconds. */
function episode(consumer, asset, seconds) {
  const wanted = ["everfresh.alert.opened.v1", "everfresh.alert.resolved.v1"];
  const found = [];
  const isNew = once();
  return new Promise((resolve, reject) => {
    const late = () => reject(new Error(`no ${wanted[found.length]} about ${asset} came`));
    setTimeout(late, seconds * 1_000).unref();
    const eachMessage = async ({ message }) => {
      const event = JSON.parse(message.value);
      const isNext = event.subject === asset && event.type === wanted[found.length];
      if (!isNext || !isNew(event, String(message.key))) return;
      try {
        check(event, message, asset);
      } catch (error) {
        return reject(error);
      }
      console.log(event.type.split(".")[2], event.data.fingerprint);
      if (found.push(event) === wanted.length) resolve(found);
    };
    consumer.run({ eachMessage }).catch(reject);
  });
}

/** Whether an event is new: its id isn't known, and its sequence is above the last of its key. */
function once() {
  const ids = new Set();
  const last = new Map();
  return (event, key) => {
    if (ids.has(event.id) || event.sequence <= (last.get(key) ?? "")) return false;
    ids.add(event.id);
    last.set(key, event.sequence);
    return true;
  };
}

/** What holds for each alert of a run that failed for good. */
function check(event, message, asset) {
  assert.equal(String(message.headers["content-type"]), CONTENT_TYPE);
  assert.equal(String(message.key), event.data.fingerprint, "the key is the fingerprint");
  const { specversion, source } = event;
  assert.deepEqual({ specversion, source }, { specversion: "1.0", source: `everfresh/${asset.split("/")[0]}` });
  const { rule, severity, asset: about, summary, episode: number, since } = event.data;
  assert.deepEqual({ rule, severity, about }, { rule: "run.failing", severity: "error", about: asset });
  assert(summary && number >= 1, `${event.type} has a summary and an episode`);
  assert(Date.parse(since) <= Date.parse(event.time), `${event.type} came after what it tells began`);
}

/** What holds for the two ends of one alert. */
function compare(opened, resolved) {
  const named = ({ data: { fingerprint, episode: number } }) => ({ fingerprint, number });
  assert.deepEqual(named(resolved), named(opened), "what was resolved is what opened");
  assert(resolved.data.sequence > opened.data.sequence, "the alert's sequence grows");
  assert(resolved.sequence > opened.sequence, "the event's sequence grows");
  assert(opened.id && resolved.id && opened.id !== resolved.id, "each event has an id of its own");
}

main(process.argv.slice(2)).catch((error) => {
  console.error("node:", error.message);
  process.exitCode = 1;
});
