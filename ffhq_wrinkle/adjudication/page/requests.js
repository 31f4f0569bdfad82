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
    throw new Refusal(0, "The server does not answer. What was saved is kept: start it again, and open its new address.");
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

// A query, in which a file name's bytes that are not valid text are themselves. Python gives them as
// the lone surrogates U+DC80 to U+DCFF.
function withQuery(path, query) {
  const pairs = Object.entries(query).map(([name, value]) =>
    `${name}=${Array.from(value, character => {
      const code = character.codePointAt(0);
      const isByte = code >= 0xdc80 && code <= 0xdcff;
      return isByte ? `%${(code - 0xdc00).toString(16)}` : encodeURIComponent(character);
    }).join("")}`);
  return pairs.length ? `${path}?${pairs.join("&")}` : path;
}

export async function get(path, query = {}) {
  return (await answered(withQuery(path, query))).json();
}

export async function getBytes(path, query) {
  return new Uint8Array(await (await answered(withQuery(path, query))).arrayBuffer());
}

export async function post(path, body) {
  const headers = { "Content-Type": "application/json" };
  return (await answered(path, { method: "POST", headers, body: JSON.stringify(body) })).json();
}

export async function picture(path, query) {
  const response = await answered(withQuery(path, query));
  return createImageBitmap(await response.blob());
}
