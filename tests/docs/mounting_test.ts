/** The programs of docs/mounting.md: each host, as its block says, in a process of its own. */

import { assert, assertEquals } from "@std/assert";
import { deadline } from "@std/async";
import { afterAll, describe, it } from "@std/testing/bdd";
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { pathToFileURL } from "node:url";
import { ask } from "../helpers/http.ts";
import { freePort, HERE, Program, ROOT } from "../helpers/programs.ts";
import { RawPeers } from "../helpers/raw_peers.ts";
import { LIMIT_MS } from "../helpers/watched_server.ts";
import { type RawPeer, TEXT } from "../peers/raw.ts";

interface Block {
  /** The heading it stands under, and which one it is there. */
  name: string;
  file: string;
  code: string;
  /** How to run it: `deno`, `deno-serve` and `bun`. */
  how: string[];
  /** Where another stack's WebSocket echoes. */
  other: string | undefined;
  /** The port of the WebSocket, where that is not the host's. */
  own: string | undefined;
}

function blocksOf(page: string): Block[] {
  let heading = "";
  const found = page.matchAll(/^## (.*)$|^```ts (.*)\n([^]*?)^```$/gm);
  return Array.from(found).flatMap(([, title, info, code], i) => {
    if (title !== undefined) heading = title;
    if (info === undefined) return [];
    const words = info.split(" ");
    const value = (name: string) =>
      words.find((word) => word.startsWith(`${name}=`))?.slice(name.length + 1);
    const how = words.filter((word) => !word.includes("="));
    const file = value("file") ?? `block_${i}.ts`;
    return [{
      name: `${heading} (${info})`,
      file,
      code: code!,
      how,
      other: value("other"),
      own: value("own"),
    }];
  });
}

const blocks = blocksOf(readFileSync(join(ROOT, "docs/mounting.md"), "utf8"));
const folder = mkdtempSync(join(tmpdir(), "netkit-mounting-"));

/** The versions that the tests are written for. */
const { devDependencies: versions } = JSON.parse(
  readFileSync(join(ROOT, "package.json"), "utf8"),
) as { devDependencies: Record<string, string> };

const MODULE = "@netkit/websocket";
const imports = {
  [MODULE]: pathToFileURL(join(ROOT, "mod.ts")).href,
  "h3": `npm:h3@${versions["h3"]}`,
  "hono": `npm:hono@${versions["hono"]}`,
  "hono/": `npm:/hono@${versions["hono"]}/`,
};
writeFileSync(join(folder, "deno.json"), JSON.stringify({ imports }));
const compilerOptions = { paths: { [MODULE]: [join(ROOT, "mod.ts")] } };
writeFileSync(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions }));
// Deno has its packages from its cache, and takes a folder of them for its own where it finds one.
if (HERE === "bun") symlinkSync(join(ROOT, "node_modules"), join(folder, "node_modules"));

/** The runtime's arguments before the file. */
const FLAGS: Record<string, (port: number) => string[]> = {
  "bun": () => [],
  "deno": () => ["run", "--allow-net", "--allow-env", "--no-prompt", "--quiet"],
  "deno-serve": (port) => [
    ...["serve", `--port=${port}`, "--host=127.0.0.1", "--allow-net", "--no-prompt", "--quiet"],
  ],
};

/** Waits until somebody answers on a port: what the host prints is its own affair. */
async function page(port: number, program: Program): Promise<string> {
  let over = false;
  void program.ended.then(() => over = true);
  for (;;) {
    try {
      return (await ask(port)).body;
    } catch (error) {
      if (over) throw new Error(`it ended:\n${program.stdout}${program.stderr}`, { cause: error });
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

describe("docs/mounting.md", () => {
  afterAll(() => rmSync(folder, { recursive: true }));

  it("has a block for each host and both runtimes", () => {
    assertEquals(blocks.filter(({ how }) => how.includes("bun")).length, 9);
    assertEquals(blocks.filter(({ how }) => how.some((way) => way.startsWith("deno"))).length, 8);
    for (const { how, file } of blocks) {
      assert(file === "chat.ts" || how.every((way) => way in FLAGS), how.join());
    }
  });

  for (const { name, file, code, how, other, own } of blocks) {
    for (const way of how.filter((way) => way.startsWith(HERE))) {
      it(`serves a page and a WebSocket: ${name}, ${way}`, async () => {
        const port = await freePort();
        const ownPort = own === undefined ? port : await freePort();
        for (const block of blocks.filter(({ file }) => file === "chat.ts")) {
          writeFileSync(join(folder, block.file), block.code);
        }
        const path = join(folder, `${way}_${file}`);
        writeFileSync(
          path,
          code.replaceAll("8080", `${port}`).replaceAll(own ?? "8080", `${ownPort}`),
        );
        const flags = FLAGS[way]!(port);
        const program = Program.start([process.execPath, ...flags, path], { cwd: folder });
        try {
          assertEquals(await deadline(page(port, program), LIMIT_MS), "Hello");
          await using peers = new RawPeers({ port: ownPort });
          const paths = ["/chat", ...(other === undefined ? [] : [other]), "/chat"];
          const all: RawPeer[] = [];
          for (const path of paths) {
            all.push(await peers.connect({ line: `GET ${path} HTTP/1.1` }));
          }
          for (const [i, peer] of all.entries()) {
            peer.send(TEXT, `hello ${paths[i]} ${i}`);
            await deadline(peer.next(TEXT), LIMIT_MS);
            assertEquals(peer.texts(), [`hello ${paths[i]} ${i}`]);
          }
          const elsewhere = await peers.handshake({ line: "GET / HTTP/1.1" });
          assertEquals(elsewhere.status, own === undefined ? 200 : 404);
          assertEquals(program.stderr, "");
        } finally {
          program.kill("SIGKILL");
          await program.ended;
        }
      });
    }
  }
});
