// Requests to the server, relative to the page, whose address has the token.

export class Refusal extends Error {
  constructor(status, text) {
    super(text);
    this.status = status;
  }
}

async function answered(path, options) {
  let response;
  try {
    response = await fetch(path, options);
  } catch {
    throw new Refusal(0, "The server does not answer. What was saved is kept; start it again.");
  }
  if (response.ok) return response;
  const text = await response.text();
  let message = text;
  try {
    message = JSON.parse(text).error;
  } catch {
    // Not JSON: the text is the message.
  }
  throw new Refusal(response.status, message);
}

export async function get(path, query = {}) {
  const search = new URLSearchParams(query).toString();
  return (await answered(search ? `${path}?${search}` : path)).json();
}

export async function getBytes(path) {
  return new Uint8Array(await (await answered(path)).arrayBuffer());
}

export async function post(path, body) {
  const headers = { "Content-Type": "application/json" };
  return (await answered(path, { method: "POST", headers, body: JSON.stringify(body) })).json();
}

export async function picture(path) {
  const response = await answered(path);
  return createImageBitmap(await response.blob());
}
