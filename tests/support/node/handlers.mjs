// Functions in an ES module, for AWS's runtime client for Node.
import { setTimeout as later } from "node:timers/promises";
import { writeFileSync } from "node:fs";

const loaded = await later(1, "with top-level await");

const operations = {
  echo: (event) => event,
  loading: () => loaded,
  nothing: () => {},
  pid: () => process.pid,
  length: (event) => event.data.length,
  large: (event) => "x".repeat(event.size),
  describe: (event, context) => ({
    requestId: context.awsRequestId,
    arn: context.invokedFunctionArn,
    version: context.functionVersion,
    memory: context.memoryLimitInMB,
    tenant: context.tenantId,
    client: context.clientContext,
    remaining: context.getRemainingTimeInMillis(),
    trace: process.env._X_AMZN_TRACE_ID,
  }),
  log() {
    console.log("logged");
    console.error("to stderr");
    process.stdout.write("written\n");
  },
  throw(event) {
    throw new RangeError(event.text);
  },
  reject: async (event) => operations.throw(event),
  rejectUnseen() {
    Promise.reject(new RangeError("nobody waits"));
    return later(60_000);
  },
  exit: (event) => process.exit(event.code),
  sleep: (event) => later(event.milliseconds, "awake"),
  unserializable: () => ({ value: 1n }),
};

export const handler = async (event, context) => operations[event.op](event, context);

export const write = awslambda.streamifyResponse(async (event, out) => {
  for (let count = 0; count < event.count; count++) {
    if (!out.write("x".repeat(event.size))) await new Promise((resolve) => out.once("drain", resolve));
    await later(event.pause ?? 0);
  }
  if (event.fail) throw new TypeError(event.fail);
  if (event.finished) writeFileSync(event.finished, String(process.pid));
  out.end();
});
