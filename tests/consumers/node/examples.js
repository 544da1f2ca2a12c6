// Reads the examples of docs/contract, knowing nothing else of everfresh.
//
//   node examples.js FOLDER FIELDS
//
// prints a line of JSON for each; FIELDS says which field of the data, by the noun in the type.
"use strict";

const assert = require("node:assert/strict");
const { readdirSync, readFileSync } = require("node:fs");
const { join } = require("node:path");

function main([folder, fields]) {
  assert(folder && fields, "say FOLDER FIELDS");
  const wanted = read(fields);
  for (const file of readdirSync(folder).sort()) {
    console.log(JSON.stringify(told(read(join(folder, file)), wanted)));
  }
}

function told(event, wanted) {
  const { specversion, id, source, type, subject, time, data } = event;
  assert.equal(specversion, "1.0", `${type} is a CloudEvent 1.0`);
  assert(id && source, `${type} has an id and a source`);
  const value = data[wanted[type.split(".")[1]]] ?? null;
  return { type, id, subject, time: new Date(time).toISOString(), value };
}

function read(file) {
  return JSON.parse(readFileSync(file, "utf8"));
}

try {
  main(process.argv.slice(2));
} catch (error) {
  console.error("node:", error.message);
  process.exitCode = 1;
}
