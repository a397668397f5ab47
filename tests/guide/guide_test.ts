/**
 * The guide's two programs, unedited but for the address and the port, which are theirs to fill in:
 * type-checked, and run against npm's `ws`. Each runner runs them on its own runtime: as both must print
 * the transcripts below, they print the same.
 */

import { assertEquals, assertStringIncludes } from "@std/assert";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { freePort, HERE, onDeno, Program, ROOT, withoutPorts } from "../helpers/programs.ts";

const guide = readFileSync(new URL("./guide.zh.md", import.meta.url), "utf8");
const programs = [...guide.matchAll(/^```js\n(.*?)^```/gms)].map(([, code = ""]) => code);
const [CLIENT = "", SERVER = ""] = programs;

let folder = "";

/** Writes a program next to the import map that leads `@kit.*` here. */
function write(name: string, code: string): string {
  const file = join(folder, name);
  writeFileSync(file, code);
  return file;
}

function clientFor(url: string): string {
  return CLIENT.replace('defaultIpAddress = "ws://"', `defaultIpAddress = "${url}"`);
}

function serverOn(port: number): string {
  return SERVER.replace("serverPort: 8080", `serverPort: ${port}`);
}

const CLIENT_TRANSCRIPT = `\
Connected successfully
on open, status:{"status":101,"message":"Switching Protocols"}
Message send successfully
on message, message:hello
on message, message:bye
Connection closed successfully
on close, code is 1000, reason is CLOSE_NORMAL
`;

const SERVER_TRANSCRIPT = `\
webSocket server start success
New client connected! Client ip: 127.0.0.1, Client port: PORT
message send successfully
client list cnt: 1, client connections list is: 127.0.0.1:PORT
on message received, client: 127.0.0.1:PORT, data: hello
on message received, client: 127.0.0.1:PORT, data: bye
close client successfully
client close, client: 127.0.0.1:PORT, closeReason: Code: 1000, reason: CLOSE_NORMAL
server stop service successfully
`;

const PLACEHOLDER_TRANSCRIPT = `\
Connection failed. Err:{"code":-1,"message":"Websocket connect failed: the URL has no host"}
on error, error:{"code":200,"message":"Websocket connect failed: the URL has no host","data":"0"}
`;

describe("the guide", () => {
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "netkit-guide-"));
    const mod = join(ROOT, "mod.ts");
    const kits = ["@kit.NetworkKit", "@kit.BasicServicesKit"];
    // ArkTS, which the guide is written in, knows no `unknown` errors in `catch`.
    const compilerOptions = { strict: true, useUnknownInCatchVariables: false };
    write(
      "deno.json",
      JSON.stringify({
        imports: Object.fromEntries(kits.map((kit) => [kit, pathToFileURL(mod).href])),
        compilerOptions,
      }),
    );
    write(
      "tsconfig.json",
      JSON.stringify({
        compilerOptions: {
          ...compilerOptions,
          paths: Object.fromEntries(kits.map((kit) => [kit, [mod]])),
        },
      }),
    );
  });

  afterAll(() => rmSync(folder, { recursive: true }));

  it("has two programs, and the places to fill in", () => {
    assertEquals(programs.length, 2);
    assertEquals(clientFor("ws://x") === CLIENT, false);
    assertEquals(serverOn(1) === SERVER, false);
  });

  // Deno checks the types, whoever runs the tests: once is enough.
  if (onDeno) {
    it("type-checks, as in examples/guide/, but where the API is used wrongly", async () => {
      const wrong = CLIENT.replace("ws.connect(", "ws.connect(1, ");
      const files = [write("client.ts", CLIENT), write("server.ts", SERVER)];
      // By the maps and the options of the example, which leads the kits here, too.
      const cwd = join(ROOT, "examples/guide");
      const all = ["client.ts", "server.ts", ...files, write("wrong.ts", wrong)];
      const complaints = await Program.check(all, cwd);
      const line = wrong.slice(0, wrong.indexOf("ws.connect(1")).split("\n").length;
      assertEquals(complaints.map((one) => one.split(": ")[0]), [`wrong.ts:${line}`]);
      assertStringIncludes(complaints[0]!, "Argument of type 'number' is not assignable");
    });
  }

  it(`runs its client on ${HERE} with a ws server`, async () => {
    const peer = Program.peer(join(ROOT, "tests/peers/ws_server.mjs"), ["hello", "bye"]);
    const [, port] = await peer.line(/^port (\d+)$/m);
    const file = write(`client_${HERE}.ts`, clientFor(`ws://127.0.0.1:${port}`));
    const client = Program.run(HERE, file, { cwd: folder });
    const { code, stdout, stderr } = await client.ended;
    assertEquals([stdout, stderr, code], [CLIENT_TRANSCRIPT, "", 0]);
    const { stdout: seen } = await peer.ended;
    assertEquals(seen.split("\n").slice(1, -1).map((line) => JSON.parse(line)), [
      { message: "Hello, server!" },
      { close: 1000, reason: "CLOSE_NORMAL" },
    ]);
  });

  it(`runs its server on ${HERE} with a ws client`, async () => {
    const port = await freePort();
    const file = write(`server_${HERE}.ts`, serverOn(port));
    const server = Program.run(HERE, file, { cwd: folder });
    await server.line(/start success/);
    const peer = Program.peer(join(ROOT, "tests/peers/ws_client.mjs"), [
      `ws://127.0.0.1:${port}`,
      "hello",
      "bye",
    ]);
    const { code, stdout, stderr } = await server.ended;
    assertEquals([withoutPorts(stdout), stderr, code], [SERVER_TRANSCRIPT, "", 0]);
    const { stdout: seen } = await peer.ended;
    assertEquals(seen.trim().split("\n").map((line) => JSON.parse(line)), [
      { message: "Hello, I'm server!" },
      { close: 1000, reason: "CLOSE_NORMAL" },
    ]);
  });

  it(`tells on ${HERE} that the client's placeholder is no address, and ends`, async () => {
    const client = Program.run(HERE, write(`placeholder_${HERE}.ts`, CLIENT), {
      cwd: folder,
    });
    const { code, stdout, stderr } = await client.ended;
    assertEquals([stdout, stderr, code], [PLACEHOLDER_TRANSCRIPT, "", 0]);
  });
});
