// Writes the answer of InvokeWithResponseStream that stdin describes, with the encoder of the AWS SDK for JavaScript.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const require = createRequire(process.env.AIOLAMBDA_NODE + "/");
const { EventStreamCodec } = require("@smithy/eventstream-codec");
const codec = new EventStreamCodec((bytes) => Buffer.from(bytes).toString(), (text) => Buffer.from(text));

const text = (value) => ({ type: "string", value });
const { chunks, completion, extra } = JSON.parse(readFileSync(0, "utf8"));
const event = (name, type, body) =>
  codec.encode({
    headers: { ":message-type": text("event"), ":event-type": text(name), ":content-type": text(type), ...extra },
    body,
  });
for (const chunk of chunks) {
  process.stdout.write(event("PayloadChunk", "application/octet-stream", Buffer.from(chunk, "base64")));
}
process.stdout.write(event("InvokeComplete", "application/json", Buffer.from(JSON.stringify(completion))));
