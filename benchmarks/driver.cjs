// The AWS SDK for JavaScript v3 in a process of its own: `driver.py` says what each order means.
// `node driver.cjs` takes orders; `node driver.cjs --import` and `--first URL` are what `fresh.py` is to Python.
"use strict";
const REGION = "us-east-1";
const KEYS = { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "secret" };
const IDLE = 5;
const COMPILED = 3000; // calls after which V8 has compiled what is called often
const seconds = () => { const used = process.cpuUsage(); return (used.user + used.system) / 1e6; };
const clock = () => performance.now() / 1e3;
const say = (value) => process.stdout.write(JSON.stringify(value ?? null) + "\n");
const jsonText = (size) => Buffer.from('"' + "x".repeat(size - 2) + '"');

function makeClient(url, pool, credentials) {
  const { LambdaClient } = require("@aws-sdk/client-lambda");
  const agent = { maxSockets: Math.max(pool ?? 0, 50), keepAlive: true };
  return new LambdaClient({ region: REGION, endpoint: url, credentials, requestHandler: { httpAgent: agent, httpsAgent: agent } });
}

async function call(client, name, body) {
  const { InvokeCommand } = require("@aws-sdk/client-lambda");
  const answer = (await client.send(new InvokeCommand({ FunctionName: name, Payload: body }))).Payload;
  if (answer.length !== body.length) throw new Error(`${answer.length} bytes came for ${body.length}`);
}

let client, ran = -IDLE, isCompiled = false, held = [];
const marks = () => { globalThis.gc?.(); return { memory: process.memoryUsage.rss() }; };

async function workers(body, inFlight, goesOn) {
  const found = [];
  const worker = async () => {
    while (goesOn()) {
      const began = clock();
      await call(client, "bench", body);
      found.push(clock() - began);
    }
  };
  await Promise.all(Array.from({ length: inFlight }, worker));
  return found;
}

const soMany = (most) => { let number = 0; return () => number++ < most; };

const orders = {
  open: ({ url, pool }) => { client = makeClient(url, pool, KEYS); ran = -IDLE; },
  close: () => client.destroy(),
  async warm({ in_flight, payload }) {
    if (clock() - ran < IDLE) return false;
    if (!isCompiled) await workers(jsonText(100), 50, soMany(COMPILED));
    isCompiled = true;
    await workers(jsonText(payload), in_flight, soMany(Math.max(in_flight, 20)));
    ran = clock();
    return true;
  },
  async run({ in_flight, payload, seconds: time, count }) {
    const body = jsonText(payload);
    const cpu = seconds(), wall = clock();
    let number = 0;
    const goesOn = count ? soMany(count) : () => number++ < in_flight || clock() < wall + time;
    const found = (await workers(body, in_flight, goesOn)).sort((one, other) => one - other);
    ran = clock();
    return {
      calls: found.length, cpu: seconds() - cpu, wall: ran - wall, memory: process.memoryUsage.rss(),
      p50: found[found.length >> 1], p99: found[Math.floor(found.length * 0.99)],
    };
  },
  map: ({ count, in_flight, payload }) => orders.run({ count, in_flight, payload }),
  hold({ count, payload }) {
    const body = jsonText(payload);
    for (let number = 0; number < count; number++) held.push(call(client, "hold", body));
  },
  pause: () => new Promise((resolve) => setTimeout(resolve, 20)),
  marks,
  async released() { await Promise.all(held); held = []; },
};

async function main() {
  const [what, url] = process.argv.slice(2);
  if (what === "--import" || what === "--first") {
    const cpu = seconds(), wall = clock();
    require("@aws-sdk/client-lambda");
    if (what === "--import") return say({ cpu: seconds() - cpu, wall: clock() - wall, memory: process.memoryUsage.rss() });
    await call(makeClient(url), "bench", Buffer.from("{}"));
    say({ cpu: seconds(), wall: clock() - wall, memory: process.memoryUsage.rss() });
    return process.exit(0);
  }
  say(`@aws-sdk/client-lambda ${require("@aws-sdk/client-lambda/package.json").version}, Node ${process.versions.node}`);
  for await (const line of require("readline").createInterface({ input: process.stdin })) {
    const { order, ...words } = JSON.parse(line);
    try { say(await orders[order](words)); } catch (error) { say({ error: `${error.name}: ${error.message}` }); }
  }
  process.exit(0);
}

main();
