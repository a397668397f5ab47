/**
 * An editor that several people write in at once: Yjs, with its server in ours and y-websocket in the
 * page. Open the address that it prints in two tabs, cut one off, write in both, and connect it again;
 * Ctrl-C stops it.
 *
 *     deno run --allow-net=127.0.0.1 --allow-read=examples/editor,node_modules --allow-env \
 *         examples/editor/server.ts [port]
 *     bun examples/editor/server.ts [port]
 */

import { readFileSync } from "node:fs";
import process from "node:process";
import { yjsServer } from "../../docs/recipes/yjs.ts";

const page = readFileSync(new URL("page.html", import.meta.url), "utf8");
const packages = new URL("../../node_modules/", import.meta.url);

/** A module of one of the packages that the page needs, as they import each other. */
const MODULE =
  /^\/npm\/((?:lib0|yjs|y-protocols|y-websocket)(?:\/[\w-]+)+(?:\.common)?)(?:\.m?js)?$/;

/** Answers what is no upgrade: the page, and its modules. */
function fetchPage({ url }: Request): Response {
  const { pathname } = new URL(url);
  if (pathname === "/") return new Response(page, { headers: { "content-type": "text/html" } });
  const [, path] = MODULE.exec(pathname) ?? [];
  if (path === undefined) return new Response("Not found", { status: 404 });
  const file = path === "yjs/dist/yjs" ? `${path}.mjs` : `${path}.js`;
  const headers = { "content-type": "text/javascript" };
  return new Response(readFileSync(new URL(file, packages), "utf8"), { headers });
}

const server = yjsServer();
const ctrlC = new AbortController();
process.once("SIGINT", () => ctrlC.abort());
try {
  await server.start({
    serverPort: Number(process.argv[2] ?? 8080),
    serverIP: "127.0.0.1",
    path: "/text", // or whoever likes makes a document of any name
    fetch: fetchPage,
    pingInterval: 5,
    pongTimeout: 5,
    signal: ctrlC.signal,
  });
  console.log(`Listening on http://127.0.0.1:${server.address!.port}/`);
} catch (error) {
  console.error((error as Error).message); // such as a port that is taken
  process.exitCode = 1;
}
