// Functions in an ES module like those whose answers were recorded from Lambda: see tests/local/test_recorded_answers.py.
let counter = 0;

export const es6 = async (event) => ({
  statusCode: 200,
  body: JSON.stringify(`response from localstack lambda: ${JSON.stringify(event)}`),
});

export const count = async () => ({ counter: counter++ });

export const echo = async (event) => {
  console.log("hello world");
  return event;
};

export const nothing = async () => {};
