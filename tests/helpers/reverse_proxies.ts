/** Reverse proxies before a server of ours, which add `X-Forwarded-For`. */

import { assertLess } from "@std/assert";
import { delay } from "@std/async";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { system } from "../../scripts/setup.mjs";
import { openTcp } from "../peers/raw.ts";
import { freePort, Program } from "./programs.ts";
import { TcpServer } from "./tcp.ts";

// Found, and installed where missing, before any test: what that leaves running is no test's leak.
const nginx = await system("nginx");

/** A reverse proxy that listens on a port of 127.0.0.1. */
export interface ReverseProxy extends AsyncDisposable {
  readonly port: number;
}

/** The reverse proxies there are here, by name: they start with the port to forward to. */
export const REVERSE_PROXIES: Record<string, (to: number) => Promise<ReverseProxy>> = {
  "a small proxy": smallProxy,
  ...(nginx === undefined ? {} : { "nginx": (to: number) => startNginx(nginx, to) }),
};

/** Adds the header to the first head of each connection, and forwards everything else as it is. */
async function smallProxy(to: number): Promise<ReverseProxy> {
  const server = await TcpServer.listen((client) => {
    const target = connect({ host: "127.0.0.1", port: to });
    target.on("error", () => {});
    target.once("close", () => client.destroy());
    client.once("close", () => target.destroy());
    let head = "";
    const read = (chunk: Uint8Array) => {
      head += new TextDecoder("latin1").decode(chunk);
      const end = head.indexOf("\r\n");
      if (end === -1) return;
      client.off("data", read);
      // What clients claim themselves goes to the server under another name.
      const rest = head.slice(end).replace(/\r\nx-forwarded-for:/gi, "\r\nx-claimed:");
      const from = client.remoteAddress;
      target.write(`${head.slice(0, end)}\r\nX-Forwarded-For: ${from}${rest}`, "latin1");
      client.pipe(target);
      target.pipe(client);
    };
    client.on("data", read);
  });
  return server;
}

/** Starts nginx before a server on a Unix socket; not where there is no nginx. */
export const nginxBefore: ((path: string) => Promise<ReverseProxy>) | undefined =
  nginx === undefined ? undefined : (path) => startNginx(nginx, `unix:${path}`);

async function startNginx(nginx: string, to: number | string): Promise<ReverseProxy> {
  const folder = mkdtempSync(join(tmpdir(), "nginx-"));
  const port = await freePort();
  const temp = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
    .map((name) => `${name}_temp_path ${folder}/${name};`);
  writeFileSync(
    join(folder, "nginx.conf"),
    `daemon off; master_process off; pid ${folder}/pid; error_log stderr;
    events { worker_connections 64; }
    http {
      access_log off; ${temp.join(" ")}
      server {
        listen 127.0.0.1:${port};
        location / {
          proxy_pass http://${typeof to === "number" ? `127.0.0.1:${to}` : to};
          proxy_http_version 1.1;
          proxy_set_header Host $http_host;
          proxy_set_header Upgrade $http_upgrade;
          proxy_set_header Connection "upgrade";
          proxy_set_header X-Forwarded-For $remote_addr;
        }
      }
    }`,
  );
  const program = Program.start(
    [nginx, "-p", folder, "-c", join(folder, "nginx.conf"), "-e", "stderr"],
  );
  const dispose = async () => {
    program.kill("SIGKILL");
    await program.ended;
    rmSync(folder, { recursive: true, force: true });
  };
  const end = performance.now() + 30_000;
  for (let there = false; !there;) {
    const socket = await openTcp(port).catch(() => undefined);
    there = socket !== undefined;
    if (socket !== undefined) {
      const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()));
      socket.destroy();
      await closed;
    } else if (performance.now() > end || program.child.exitCode !== null) {
      await dispose();
      assertLess(0, 0, `nginx does not listen:\n${program.stderr}`);
    } else await delay(20);
  }
  return { port, [Symbol.asyncDispose]: dispose };
}
