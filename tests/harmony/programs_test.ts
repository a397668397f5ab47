/**
 * Programs as people have them for HarmonyOS, with the habits that public ones were seen to have: written
 * for the device's four modules, type-checked, and run as they are but for the port.
 */

import { assertEquals, assertStringIncludes } from "@std/assert";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { createWebSocket, createWebSocketServer } from "../../mod.ts";
import { disposable, within } from "../helpers/client.ts";
import {
  type Ended,
  freePort,
  HERE,
  onDeno,
  Program,
  ROOT,
  withoutPorts,
} from "../helpers/programs.ts";
import { acceptHead, RawServer, TEXT } from "../peers/raw.ts";

const PROGRAMS = join(ROOT, "tests/harmony/programs");
const names = readdirSync(PROGRAMS).map((name) => name.replace(/\.ts$/, ""));

const harmony = join(ROOT, "harmony.ts");
const EXAMPLE = join(ROOT, "examples/harmony");

/** A kit of which a program wants more than `webSocket` is a file of its own. */
const KIT = `export { webSocket } from '@ohos.net.webSocket';
export const http = { createHttp: (): { destroy(): void } => ({ destroy: () => {} }) };
`;

let folder = "";

/** Writes a program beside the maps, with the port of its server. */
function write(name: string, port: number): string {
  const file = join(folder, `${name}.ts`);
  const code = readFileSync(join(PROGRAMS, `${name}.ts`), "utf8");
  writeFileSync(file, code.replaceAll("8080", String(port)));
  return file;
}

function run(name: string, port: number): Promise<Ended> {
  return within(Program.run(HERE, write(name, port), { cwd: folder }).ended);
}

/** An echo, which closes where it is told to. */
async function echo() {
  const server = createWebSocketServer();
  server.on("messageReceive", ({ clientConnection, data }) => {
    const [, code, reason] = /^close (\d+) (.*)$/.exec(String(data)) ?? [];
    void (code === undefined
      ? server.send(data, clientConnection)
      : server.close(clientConnection, { code: Number(code), reason }));
  });
  await server.start({ serverPort: 0, serverIP: "127.0.0.1" });
  return server;
}

/** A server that refuses the first, drops the second at its first word, and answers the third. */
async function unreliable(): Promise<RawServer & AsyncDisposable> {
  let number = 0;
  const server = await RawServer.listen({
    answer: (request) => ++number === 1 ? "HTTP/1.1 503 Busy\r\n\r\n" : acceptHead(request),
  });
  void (async () => {
    const second = await server.accept();
    await second.next(TEXT);
    second.reset();
    const third = await server.accept();
    await third.next(TEXT);
    third.send(TEXT, "served");
  })();
  return disposable(server);
}

/** The errors that a program printed with nobody to hear them. */
function printed(stderr: string): string[] {
  return Array.from(
    stderr.matchAll(/^(?:\w*: )?\w*rror: (Websocket.*?)(?: \{)?$/gm),
    ([, text = ""]) => text,
  );
}

describe("a program from HarmonyOS", () => {
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "netkit-harmony-"));
    const kit = join(folder, "network_kit.ts");
    writeFileSync(kit, KIT);
    const map = { "@kit.NetworkKit": kit, "@kit.BasicServicesKit": harmony } as const;
    const all: Record<string, string> = {
      ...map,
      "@ohos.net.webSocket": harmony,
      "@ohos.base": harmony,
    };
    // As examples/harmony/ has them, whose programs are checked with these, by their own map.
    const example: { imports: Record<string, string>; compilerOptions: object } = JSON.parse(
      readFileSync(join(EXAMPLE, "deno.json"), "utf8"),
    );
    const { compilerOptions } = example;
    const imports = Object.entries(all).map(([name, file]) => [name, pathToFileURL(file).href]);
    const own = Object.entries(example.imports).map((
      [name, file],
    ) => [name, pathToFileURL(join(EXAMPLE, file)).href]);
    const scopes = { [`${pathToFileURL(EXAMPLE).href}/`]: Object.fromEntries(own) };
    const paths = Object.entries(all).map(([name, file]) => [name, [file]]);
    writeFileSync(
      join(folder, "deno.json"),
      JSON.stringify({ imports: Object.fromEntries(imports), scopes, compilerOptions }),
    );
    writeFileSync(
      join(folder, "tsconfig.json"),
      JSON.stringify({ compilerOptions: { ...compilerOptions, paths: Object.fromEntries(paths) } }),
    );
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  // Deno checks the types, whoever runs the tests: once is enough.
  if (onDeno) {
    it("type-checks, and so does examples/harmony/, but where it would not on the device", async () => {
      const wrong = [
        "webSocket.createWebSocket().send(42);",
        "webSocket.createWebSocket().on('message', (err, value: number) => {});",
        "webSocket.createWebSocket().connect('ws://', { nonsense: 1 });",
        "const version: webSocket.TlsProtocol = 7;",
        "let data: string = new BusinessError(1, 'a').data;",
      ];
      const head =
        "import webSocket from '@ohos.net.webSocket';\nimport { BusinessError } from '@ohos.base';\n";
      writeFileSync(join(folder, "wrong.ts"), head + wrong.join("\n"));
      const files = names.map((name) => write(name, 8080));
      const others = ["chat_page", "server", "kits"].map((name) => join(EXAMPLE, `${name}.ts`));
      const complaints = await Program.check([...files, ...others, "wrong.ts"], folder);
      const places = new Set(complaints.map((complaint) => complaint.split(": ")[0]!));
      assertEquals([...places], wrong.map((_, i) => `wrong.ts:${i + 3}`), complaints.join("\n"));
    });
  }

  it("answers to callbacks, and prints its errors with JSON.stringify", async () => {
    await using server = await echo();
    const { stdout, stderr, code } = await run("callbacks", server.address!.port);
    const exists =
      `{"code":2302003,"message":"Websocket connection already exist: connect: the client is connecting"}`;
    assertEquals(stdout.split("\n"), [
      "connected: true",
      `connected twice: ${exists}`,
      `on open: undefined, {"status":101,"message":"Switching Protocols"}`,
      ...["sent: true", "sent: true"],
      ...["on message: Hello", "on dataEnd", "on message: 1,2,3", "on dataEnd", "closed: true"],
      `on close: {"code":1000,"reason":"CLOSE_NORMAL"}`,
      `sent: {"code":-1,"message":"Websocket Unknown Other Error: send: the client is idle"}`,
      `closed again: {"code":2302999,"message":"Websocket Unknown Other Error: close: the client is idle"}`,
      "",
    ]);
    assertEquals([stderr, code], ["", 0]);
  });

  it("goes on where nobody looks at its promises", async () => {
    await using server = await echo();
    const { stdout, stderr, code } = await run("dropped_promises", server.address!.port);
    assertEquals(
      stdout,
      "open 101 Switching Protocols\nmessage Hello\nclose 1000 CLOSE_NORMAL\n",
    );
    assertEquals(printed(stderr), [
      "Websocket Unknown Other Error: send: the client is idle",
      "Websocket Unknown Other Error: close: the client is idle",
      "Websocket connection already exist: connect: the client is connecting",
      "Websocket Unknown Other Error: close: the client is closing",
    ]);
    assertEquals(code, 0);
  });

  it("makes a new object for each connection, whether 'error' or 'close' asks for it", async () => {
    await using server = await unreliable();
    const { stdout, stderr, code } = await run("new_object", server.port);
    assertEquals(stdout.split("\n"), [
      ...["attempt 1", "error: 200"],
      ...["attempt 2", "open", "error: 200", "close: 1006 The link is down"],
      ...["attempt 3", "open", "message: served", "close: 1000 done", ""],
    ]);
    assertEquals([stderr, code], ["", 0]);
  });

  it("connects the same object again, and hears each event once", async () => {
    await using server = await unreliable();
    const { stdout, stderr, code } = await run("same_object", server.port);
    assertEquals(stdout.split("\n"), [
      ...["client connect: true", "client error: 200"],
      ...["client connect: true", "client open", "client error: 200", "client close: 1006"],
      ...["client connect: true", "client open", "client message: served", "client close: 1000"],
      "",
    ]);
    assertEquals([stderr, code], ["", 0]);
  });

  it("has a heartbeat of its own, and ends when its timer is cleared", async () => {
    await using server = await echo();
    const { stdout, stderr, code } = await run("heartbeat", server.address!.port);
    // Closing may take longer than its timer waits: what is sent meanwhile is refused, and it says so.
    const said = stdout.replaceAll(/^\{"code":-1,.* the client is closing"\}\n/gm, "");
    assertEquals(said, "open\nbeat 1\nbeat 2\nbeat 3\nclose: three beats\n");
    assertEquals([stderr, code], ["", 0]);
  });

  it("connects again inside 'close' for any code but 1000", async () => {
    await using server = await echo();
    const { stdout, stderr, code } = await run("code_not_1000", server.address!.port);
    assertEquals(stdout.split("\n"), [
      ...["say: close 1011 overloaded", "close: 1011 overloaded"],
      ...["say: close 3001 moved", "close: 3001 moved"],
      ...["say: close 1000 bye", "close: 1000 bye", ""],
    ]);
    assertEquals([stderr, code], ["", 0]);
  });

  it("puts a WebSocket of its own in the global's place", async () => {
    await using server = await echo();
    const { stdout, stderr, code } = await run("own_global", server.address!.port);
    assertEquals(stdout, "open\nmessage: Hello\nclose: 1000 done\n");
    assertEquals([stderr, code], ["", 0]);
  });

  it("serves, and stops by itself", async () => {
    const port = await freePort();
    const program = Program.run(HERE, write("server", port), { cwd: folder });
    await within(program.line(/^start: true$/m));
    const [ada, grace] = [createWebSocket(), createWebSocket()];
    const heard: unknown[] = [];
    const all = new Promise<void>((resolve) => {
      ada.on("message", (_, data) => void (heard.push(data) === 2 && resolve()));
    });
    await ada.connect(`ws://127.0.0.1:${port}/`);
    await within(ada.opened);
    const first = ada[Symbol.asyncIterator]().next();
    await ada.send("Ada");
    await within(first);
    await grace.connect(`ws://127.0.0.1:${port}/`);
    await within(grace.opened);
    await grace.send("Grace");
    await within(all);
    assertEquals(heard, ["Ada is here", "Grace is here"]);
    for (const ws of [ada, grace]) {
      await ws.send("bye");
      assertEquals(await within(ws.closed), { code: 1000, reason: "bye" });
    }
    const { stdout, stderr, code } = await within(program.ended);
    assertEquals(withoutPorts(stdout).split("\n"), [
      "start: true",
      ...["connect: 127.0.0.1, 1 here", "connect: 127.0.0.1, 2 here"],
      ...["close: Ada, 1000 bye", "close: Grace, 1000 bye", ""],
    ]);
    assertEquals(printed(stderr), [
      "Websocket Unknown Other Error: stop: the server is not running",
    ]);
    assertEquals(code, 0);
  });

  it("is one that is run here", () => {
    const files = readFileSync(new URL(import.meta.url), "utf8");
    for (const name of names) {
      if (name !== "types") assertStringIncludes(files, `"${name}"`);
    }
  });
});
