// The API beside the page, wherever a proxy has put both. The cookie comes by itself; a change also takes the word that only this page knows.

const refused = (status, message) => Object.assign(new Error(message), { status });

function csrf() {
  // Cookies know no ports: of several Harrys on one machine, the word of this port is ours.
  const port = location.port || (location.protocol === "https:" ? "443" : "80");
  const words = document.cookie.match(/harry-csrf-\d+=[0-9a-f]+/g) ?? [];
  const own = words.find((each) => each.includes(`-${port}=`)) ?? words[0];
  return own?.split("=")[1] ?? "";
}

/** Send it; what Harry refuses is raised. */
async function send(method, path, body) {
  const headers = method === "GET" ? {} : { "X-CSRF-Token": csrf() };
  let answer;
  try {
    answer = await fetch(`.${path}`, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) });
  } catch {
    throw refused(0, "Harry does not answer.");
  }
  if (answer.ok) return answer;
  const content = await answer.json().catch(() => ({}));
  throw refused(answer.status, content.error?.message ?? `Harry answered ${answer.status}.`);
}

const ask = async (method, path, body) => (await send(method, path, body)).json().catch(() => ({}));

/** Post, and give the events of the answer one by one as they come. */
export async function* stream(path) {
  const answer = await send("POST", path);
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (let { value, done } = await reader.read(); !done; { value, done } = await reader.read()) {
    const events = (rest + value).split("\n\n");
    rest = events.pop();
    for (const each of events) {
      const [, event, data] = each.match(/^event: (.*)\ndata: (.*)$/) ?? [];
      if (event) yield { event, data: JSON.parse(data) };
    }
  }
}

export const get = (path) => ask("GET", path);
export const post = (path, body) => ask("POST", path, body);
export const remove = (path) => ask("DELETE", path);
