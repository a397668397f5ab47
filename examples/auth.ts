/**
 * Who may connect: programs show a token in a header, web pages the cookie that they got when they
 * logged in, and whoever has neither is refused with 401. What `authorize` finds out about a client is
 * `connection.context` from then on, with its type. Runs to its end by itself.
 *
 *     deno run --allow-net=127.0.0.1 examples/auth.ts
 *     bun examples/auth.ts
 */

import { createWebSocket, createWebSocketServer } from "@netkit/websocket";

interface User {
  name: string;
  by: "token" | "cookie";
}

/** Who has which token. A real program keeps hashes of them in its database. */
const tokens = new Map([["s3cr3t-t0k3n", "Ada"]]);

/** Who has logged in, by session. */
const sessions = new Map<string, string>();

/** Asked before each upgrade: an object lets the client in, a `Response` refuses it. */
function authorize({ headers }: Request): User | Response {
  const token = /^Bearer (.+)$/.exec(headers.get("authorization") ?? "")?.[1] ?? "";
  const session = /(?:^|; )session=([^;]+)/.exec(headers.get("cookie") ?? "")?.[1] ?? "";
  const byToken = tokens.get(token);
  if (byToken !== undefined) return { name: byToken, by: "token" };
  const byCookie = sessions.get(session);
  if (byCookie !== undefined) return { name: byCookie, by: "cookie" };
  return new Response("Who are you?", { status: 401 });
}

/** Answers what is no upgrade: here one logs in, for a cookie that no script of a page can read. */
async function fetchPage(request: Request): Promise<Response> {
  if (request.method !== "POST") return new Response("POST a name and a password", { status: 405 });
  const { name, password } = await request.json();
  if (name !== "Grace" || password !== "cobol") return new Response("No", { status: 401 });
  const session = crypto.randomUUID();
  sessions.set(session, name);
  // Over TLS add "Secure". Pages of other sites may not connect at all: see 'allowedOrigins'.
  const cookie = `session=${session}; HttpOnly; SameSite=Strict; Path=/`;
  return new Response("Welcome", { headers: { "set-cookie": cookie } });
}

const server = createWebSocketServer<User>();
server.on("connect", (connection) => {
  const { name, by } = connection.context;
  console.log(`server  ${name} is here, by ${by}`);
  server.send(`Hello, ${name}!`, connection);
});
server.on("error", ({ data }) => console.log(`server  refused somebody: ${data}`));
await server.start({ serverPort: 0, serverIP: "127.0.0.1", authorize, fetch: fetchPage });
const { port } = server.address!;

/** Connects with these headers, prints what the server says first, and leaves. */
async function visit(header: Record<string, string>): Promise<void> {
  await using ws = createWebSocket();
  ws.on("error", ({ data }) => console.log(`client  was refused: ${data}`));
  ws.on("message", (_err, data) => {
    console.log(`client  was told: ${data}`);
    ws.close();
  });
  await ws.connect(`ws://127.0.0.1:${port}/`, { header });
  await ws.closed.catch(() => {}); // refused: 'error' has told
}

await visit({ authorization: "Bearer s3cr3t-t0k3n" });

const login = JSON.stringify({ name: "Grace", password: "cobol" });
const answer = await fetch(`http://127.0.0.1:${port}/`, { method: "POST", body: login });
await answer.text();
const cookie = answer.headers.get("set-cookie")!.split(";")[0]!;
await visit({ cookie });

await visit({ authorization: "Bearer guessed", cookie: "session=guessed" });

await server.stop();
