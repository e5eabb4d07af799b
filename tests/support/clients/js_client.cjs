// Makes the calls that stdin describes with the AWS SDK for JavaScript v3, and writes the outcome of each: see other_clients.py.
"use strict";
const { readFileSync } = require("node:fs");
const { InvokeCommand, InvokeWithResponseStreamCommand, LambdaClient } = require("@aws-sdk/client-lambda");

const MEMBERS = [
  "StatusCode", "ExecutedVersion", "FunctionError", "LogResult", "DurableExecutionArn", "ResponseStreamContentType",
];
const text = (bytes) => Buffer.from(bytes ?? "").toString("base64");
const chosen = (from, names) => Object.fromEntries(names.filter((name) => name in from).map((name) => [name, from[name]]));

async function buffered(client, input) {
  const answer = await client.send(new InvokeCommand(input));
  return { ...chosen(answer, MEMBERS), Payload: text(answer.Payload) };
}

async function streamed(client, input) {
  const answer = await client.send(new InvokeWithResponseStreamCommand(input));
  const events = [];
  for await (const event of answer.EventStream) events.push(event);
  const completion = events.pop().InvokeComplete;
  return { ...chosen(answer, MEMBERS), Chunks: events.map((event) => text(event.PayloadChunk.Payload)), Completion: completion };
}

function clientWith({ aws_access_key_id: accessKeyId, aws_secret_access_key: secretAccessKey }) {
  return new LambdaClient(accessKeyId ? { credentials: { accessKeyId, secretAccessKey } } : {});
}

async function outcomeOf({ keys, input, streamed: isStreamed }, own) {
  const client = Object.keys(keys).length ? clientWith(keys) : own;
  if ("Payload" in input) input.Payload = Buffer.from(input.Payload, "base64");
  try {
    return await (isStreamed ? streamed : buffered)(client, input);
  } catch (error) {
    if (!error.$metadata?.httpStatusCode) throw error;
    const told = { Code: error.name, Message: error.message, StatusCode: error.$metadata.httpStatusCode };
    return { ...told, ...chosen(error, ["Type", "Reason"]) };
  } finally {
    if (client !== own) client.destroy();
  }
}

async function main() {
  const own = clientWith({}), outcomes = {};
  for (const [name, call] of Object.entries(JSON.parse(readFileSync(0, "utf8")))) outcomes[name] = await outcomeOf(call, own);
  own.destroy();
  process.stdout.write(JSON.stringify(outcomes));
}

main();
