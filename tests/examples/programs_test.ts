/** The examples that talk to a terminal: each does what its first comment says, as it says. */

import { assertEquals, assertFalse, assertMatch, assertStringIncludes } from "@std/assert";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import {
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { createWebSocket } from "../../mod.ts";
import { EventLog, within } from "../helpers/client.ts";
import { freePort, HERE, Program, ROOT, withoutPorts } from "../helpers/programs.ts";
import { openTcp, requestHead } from "../peers/raw.ts";
import { commandsOf, ExampleServer, flagsOf, startExample } from "./example.ts";

const textOf = (file: string) => readFileSync(join(ROOT, file), "utf8");

/** The examples' programs; what they import besides is no program. */
const PARTS = [
  "examples/redis.ts",
  "examples/wire_tap.ts",
  "examples/dashboard/cluster.ts",
  "examples/dashboard/load.ts",
  "examples/harmony/kits.ts",
  // `npm run demo:cluster` runs these, on both runtimes at once; they have a test of their own.
  "examples/cluster/clients.ts",
  "examples/cluster/demo.ts",
  "examples/cluster/node.ts",
];
const programs = readdirSync(join(ROOT, "examples"), { recursive: true, encoding: "utf8" })
  .map((path) => `examples/${path.replaceAll("\\", "/")}`)
  .filter((path) => path.endsWith(".ts") && !PARTS.includes(path));

/** Those that show a runtime's own server, and run on it alone. */
const OF_ONE_RUNTIME: Record<string, string> = {
  "examples/deno_serve.ts": "deno",
  "examples/elysia.ts": "bun",
};

describe("examples/", () => {
  it("has the examples that are looked for here", () => {
    assertEquals(programs.length > 8, true);
    for (const part of PARTS) assertEquals(existsSync(join(ROOT, part)), true);
  });

  for (const file of programs) {
    const one = OF_ONE_RUNTIME[file];
    it(`says how to run on ${one ?? "both runtimes"}, with the least permissions: ${file}`, () => {
      const commands = commandsOf(file);
      const runtimes = one === undefined ? ["bun", "deno"] : [one];
      assertEquals([...new Set(commands.map(([runtime]) => runtime))].sort(), runtimes);
      for (const [runtime, ...flags] of commands) {
        assertFalse(flags.includes("-A") || flags.includes("--allow-all"));
        if (runtime === "deno") assertStringIncludes(flags.join(" "), "--allow-net");
        else assertEquals(flags.filter((flag) => !flag.startsWith("--port=")), []);
      }
    });

    it(`ends by itself, and names no runtime unless it is of one: ${file}`, () => {
      const [, code = ""] = textOf(file).split(/\*\/(.*)/s);
      if (one === undefined) assertFalse(/\bDeno\.|\bBun\./.test(code));
      // Only what the runtime itself has listen for it has no other way.
      if (!/^export default/m.test(code)) assertFalse(/process\.exit\(/.test(code));
    });
  }

  it("is listed in its README, each by its path", () => {
    for (const file of programs) {
      assertStringIncludes(textOf("examples/README.md"), `](${file.replace("examples/", "")})`);
    }
  });
});

describe("examples/echo.ts", () => {
  const file = "examples/echo.ts";
  const say = (...args: string[]) => startExample(file, { args: ["client", ...args] }).ended;

  it("echoes what its client says, and stops on Ctrl-C", async () => {
    const port = await freePort();
    await using server = await ExampleServer.start(file, { args: ["server", `${port}`] });
    assertEquals(server.port, port);
    const url = `ws://127.0.0.1:${server.port}/`;
    const [three, two] = [await within(say(url)), await within(say(url, "Ahoj", "你好"))];
    assertEquals(three.stdout, "Hello!\nHow are you?\nGoodbye!\n");
    assertEquals(two.stdout, "Ahoj\n你好\n");
    assertEquals([three.stderr, three.code, two.stderr, two.code], ["", 0, "", 0]);
    const { stdout, stderr } = await server.stop();
    const visit = "127.0.0.1:PORT is here\n127.0.0.1:PORT has left: 1000 CLOSE_NORMAL\n";
    assertEquals(withoutPorts(stdout), `Listening on ws://127.0.0.1:PORT/\n${visit}${visit}`);
    assertEquals(stderr, "");
  });

  it("says in a line that nobody listens", async () => {
    const { stdout, stderr, code } = await within(say(`ws://127.0.0.1:${await freePort()}/`));
    assertEquals([stdout, code], ["", 1]);
    assertEquals(stderr, "Websocket connect failed: connection refused\n");
  });

  it("says what it wants to be told", async () => {
    const { stderr } = await within(startExample(file).ended);
    assertMatch(stderr, /^Say which: echo\.ts server \[port\], or echo\.ts client .*\n$/);
  });
});

describe("examples/auth.ts", () => {
  it("lets in a token and a cookie, and refuses others with 401", async () => {
    const { stdout, stderr, code } = await within(startExample("examples/auth.ts").ended);
    const log = `\
server  Ada is here, by token
client  was told: Hello, Ada!
server  Grace is here, by cookie
client  was told: Hello, Grace!
server  refused somebody: 401
client  was refused: 401
`;
    assertEquals([stdout, stderr, code], [log, "", 0]);
    assertStringIncludes(textOf("examples/auth.ts"), "; HttpOnly; SameSite=Strict; Path=/");
  });
});

describe("examples/tls.ts", () => {
  const file = "examples/tls.ts";
  const log = `\
trusts the certificate: Nobody else can read this.
does not trust it: Websocket connect failed: the TLS handshake failed
`;

  it("makes a certificate at the first run, and finds it at the second", async () => {
    const folder = mkdtempSync(join(tmpdir(), "netkit-example-"));
    try {
      const certs = join(folder, "certs");
      const flags = HERE === "deno"
        ? flagsOf(file).map((flag) => flag.replace("=certs", `=${certs}`))
        : [];
      const run = () => within(startExample(file, { flags, args: [certs] }).ended);
      const first = await run();
      assertEquals([first.stdout, first.stderr, first.code], [log, "", 0]);
      const made = readFileSync(join(certs, "cert.pem"), "utf8");
      const second = await run();
      assertEquals([second.stdout, second.stderr, second.code], [log, "", 0]);
      assertEquals(readFileSync(join(certs, "cert.pem"), "utf8"), made);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it("leaves nothing of the folder that it makes where it is told none", async () => {
    const folder = mkdtempSync(join(tmpdir(), "netkit-example-"));
    try {
      const env = { TMPDIR: folder, TEMP: folder, TMP: folder };
      const flags = HERE === "deno" ? ["-A"] : [];
      const { stdout, stderr, code } = await within(startExample(file, { flags, env }).ended);
      assertEquals([stdout, stderr, code], [log, "", 0]);
      assertEquals(readdirSync(folder).filter((name) => name.startsWith("websocket-tls-")), []);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});

/** Talks to an example that is in a host, at `/echo`, and has it stopped by Ctrl-C. */
async function visit(port: number, program: Program, page: RegExp): Promise<void> {
  const url = `127.0.0.1:${port}/`;
  const ask = async (path: string) => await (await fetch(`http://${url}${path}`)).text();
  await using ws = createWebSocket();
  const log = new EventLog(ws);
  await ws.connect(`ws://${url}echo`);
  await ws.send("Hello!");
  assertEquals((await log.next("message"))[1], "You said: Hello!");
  assertMatch(await ask(""), page);
  process.kill(program.child.pid!, "SIGINT");
  // `deno serve` hears of Ctrl-C, too, and may be first.
  assertEquals(((await log.next("close"))[1] as { code: number }).code, 1001);
  const { code, signal, stderr } = await within(program.ended);
  const said = stderr.replace(/^deno serve: Listening on \S+\n/, "");
  if (process.platform !== "win32") assertEquals([code, signal, said], [0, null, ""]);
}

describe("examples/hono.ts", () => {
  it("answers requests with the app, and has its WebSocket at a path", async () => {
    const [, ...words] = commandsOf("examples/hono.ts").find(([name]) => name === HERE)!;
    const port = await freePort();
    const args = words.map((word) => word.startsWith("--port=") ? `--port=${port}` : word);
    const program = Program.start([process.execPath, ...args, "examples/hono.ts"]);
    try {
      await within(program.line(/(?:Listening|Started).*:\d+/));
      const hello = await fetch(`http://127.0.0.1:${port}/hello/Ada`);
      assertEquals([hello.status, await hello.text()], [200, '{"hello":"Ada"}']);
      const plain = await fetch(`http://127.0.0.1:${port}/echo`);
      assertEquals([plain.status, await plain.text()], [426, "Connect with ws://"]);
      await visit(port, program, /^1 connected$/);
    } finally {
      program.kill("SIGKILL");
      await program.ended;
    }
  });
});

for (const [file, runtime] of Object.entries(OF_ONE_RUNTIME)) {
  describe(file, () => {
    it(`has its WebSocket in the host, on ${runtime}`, async () => {
      if (runtime !== HERE) return; // it runs where the tests run on that
      await using server = await ExampleServer.start(file);
      await visit(server.port, server.program, /1 connected|new WebSocket/);
    });

    it("ends by Ctrl-C though clients have left as they were let in", async () => {
      if (runtime !== HERE) return;
      await using server = await ExampleServer.start(file);
      const { port } = server;
      for (let left = 0; left < 50; left++) {
        const socket = await openTcp(port);
        const head = requestHead(port, { line: "GET /echo HTTP/1.1" });
        socket.write(head, () => socket.resetAndDestroy());
      }
      await fetch(`http://127.0.0.1:${port}/`).then((page) => page.text());
      await server.stop();
    });
  });
}

// guide_test.ts type-checks these where they are, and harmony/programs_test.ts the next ones.
describe("examples/guide/", () => {
  const folder = mkdtempSync(join(tmpdir(), "netkit-example-"));

  /** The examples, elsewhere and on a free port. */
  beforeAll(async () => {
    const port = String(await freePort());
    const mod = join(ROOT, "mod.ts");
    cpSync(join(ROOT, "examples/guide"), folder, { recursive: true });
    const change = (name: string, from: string, to: string) =>
      writeFileSync(
        join(folder, name),
        readFileSync(join(folder, name), "utf8").replaceAll(from, to),
      );
    change("client.ts", "8080", port);
    change("server.ts", "8080", port);
    change("deno.json", "../../mod.ts", pathToFileURL(mod).href);
    change("tsconfig.json", '"../../mod.ts"', JSON.stringify(mod));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  it("differs from the guide in the address and the message only", () => {
    const guide = textOf("tests/guide/guide.zh.md").matchAll(/^```js\n(.*?)^```/gms);
    const [client = "", server = ""] = Array.from(guide, ([, code = ""]) => code);
    const filledIn = client.replace('= "ws://"', '= "ws://127.0.0.1:8080"')
      .replace('ws.send("Hello, server!"', 'ws.send("bye"');
    const programOf = (file: string) => textOf(file).replace(/^\/\*\*.*?\*\/\n\n/s, "");
    assertEquals(programOf("examples/guide/client.ts"), filledIn);
    assertEquals(programOf("examples/guide/server.ts"), server);
    assertFalse(filledIn === client);
  });

  it("has its two programs talk, and end", async () => {
    const options = { cwd: folder, flags: HERE === "deno" ? ["--allow-net", "--no-prompt"] : [] };
    const server = Program.run(HERE, join(folder, "server.ts"), options);
    await within(server.line(/start success/));
    const client = await within(Program.run(HERE, join(folder, "client.ts"), options).ended);
    assertEquals([client.stdout, client.stderr, client.code], [CLIENT_LOG, "", 0]);
    const { stdout, stderr, code } = await within(server.ended);
    assertEquals([withoutPorts(stdout), stderr, code], [SERVER_LOG, "", 0]);
  });
});

describe("examples/harmony/", () => {
  const folder = mkdtempSync(join(tmpdir(), "netkit-example-"));

  /** The examples, elsewhere and on a free port. */
  beforeAll(async () => {
    const port = String(await freePort());
    const harmony = join(ROOT, "harmony.ts");
    cpSync(join(ROOT, "examples/harmony"), folder, { recursive: true });
    for (const name of ["chat_page.ts", "server.ts", "deno.json", "tsconfig.json"]) {
      const url = name === "deno.json" ? pathToFileURL(harmony).href : harmony;
      const text = readFileSync(join(folder, name), "utf8");
      writeFileSync(
        join(folder, name),
        text.replaceAll("8080", port).replaceAll('"../../harmony.ts"', JSON.stringify(url)),
      );
    }
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  const options = { cwd: folder, flags: HERE === "deno" ? ["--allow-net", "--no-prompt"] : [] };
  const page = () => within(Program.run(HERE, join(folder, "chat_page.ts"), options).ended);

  it("has each toast once, though the page adds its listeners each time", async () => {
    const server = Program.run(HERE, join(folder, "server.ts"), options);
    await within(server.line(/^start: true$/m));
    const { stdout, stderr, code } = await page();
    assertEquals([stdout, stderr, code], [PAGE_LOG, "", 0]);
    const ended = await within(server.ended);
    assertEquals([ended.stderr, ended.code], ["", 0]);
    const visit = "127.0.0.1:PORT is here\n127.0.0.1:PORT has left: 1000 CLOSE_NORMAL\n";
    assertEquals(withoutPorts(ended.stdout), `start: true\n${visit}${visit}`);
  });

  it("says that nobody listens, and ends", async () => {
    const { stdout, stderr, code } = await page();
    assertStringIncludes(stdout, '[toast] error: {"code":200,');
    assertEquals([stderr, code], ["", 0]);
  });
});

const PAGE_LOG = ["Hello", "Hello again"].map((word) =>
  `\
ChatPage: connect: true
ChatPage: on open, status: 101, message: Switching Protocols
[toast] connected, say something
ChatPage: send: true
[toast] You said: ${word}
ChatPage: close: true
[toast] disconnected, code is 1000, reason is CLOSE_NORMAL
`
).join("") + `\
ChatPage: 4 lines
ChatPage: send failed: {"code":-1,"message":"Websocket Unknown Other Error: send: the client is idle"}
`;

const CLIENT_LOG = `\
Connected successfully
on open, status:{"status":101,"message":"Switching Protocols"}
Message send successfully
on message, message:Hello, I'm server!
on close, code is 1000, reason is CLOSE_NORMAL
`;

const SERVER_LOG = `\
webSocket server start success
New client connected! Client ip: 127.0.0.1, Client port: PORT
message send successfully
client list cnt: 1, client connections list is: 127.0.0.1:PORT
on message received, client: 127.0.0.1:PORT, data: bye
close client successfully
client close, client: 127.0.0.1:PORT, closeReason: Code: 1000, reason: CLOSE_NORMAL
server stop service successfully
`;
