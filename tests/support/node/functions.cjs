// Functions that stream with AWS's own runtime client for Node.
const later = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

exports.write = awslambda.streamifyResponse(async (event, out) => {
  out.setContentType("text/tea");
  for (const piece of event.pieces) {
    out.write(piece);
    await later(event.pause ?? 0);
  }
  if (event.fail) throw new TypeError(event.fail);
  out.end();
});

exports.answer = awslambda.streamifyResponse(async (event, out) => {
  const body = awslambda.HttpResponseStream.from(out, { statusCode: 201, headers: { "x-tea": "green" }, cookies: ["a=b"] });
  body.write("brewed");
  body.end();
});

exports.plain = async (event) => ({ plain: event });
