/** Every HTTP proxy there is to test with: our own, npm's `proxy`, and tinyproxy where it is. */

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { system } from "../../scripts/setup.mjs";
import { RecordingProxy } from "../peers/recording_proxy.ts";
import { within } from "./client.ts";
import { freePort, Program, ROOT } from "./programs.ts";

const tinyproxy = await system("tinyproxy");

/** A proxy that runs. */
export interface RunningProxy extends AsyncDisposable {
  port: number;
  /** The first lines of the requests it has had. */
  readonly lines: string[];
}

/** A proxy to start; with `user:password` it asks for those. */
export interface ProxyKind {
  name: string;
  start(credentials?: string): Promise<RunningProxy>;
}

/** The proxies there are here. The first two are everywhere. */
export const PROXIES: ProxyKind[] = [
  {
    name: "our recording proxy",
    start: (credentials) => RecordingProxy.listen(credentials === undefined ? {} : { credentials }),
  },
  { name: "npm's proxy", start: startNpm },
  ...(tinyproxy ? [{ name: "tinyproxy", start: startTiny }] : []),
];

async function startNpm(credentials?: string): Promise<RunningProxy> {
  const args = credentials === undefined ? [] : [credentials];
  const program = Program.peer(`${ROOT}/tests/peers/npm_proxy.mjs`, args);
  const [, port] = await within(program.line(/^port (\d+)$/m));
  return running(program, Number(port), () => program.stdout, /^(\w+ \S+ HTTP\/1\.1)$/gm);
}

async function startTiny(credentials?: string): Promise<RunningProxy> {
  const folder = mkdtempSync(join(tmpdir(), "netkit-tinyproxy-"));
  const config = join(folder, "tinyproxy.conf");
  const port = await freePort();
  const auth = credentials === undefined ? [] : [`BasicAuth ${credentials.replace(":", " ")}`];
  const lines = [`Port ${port}`, "Listen 127.0.0.1", "Timeout 60", "LogLevel Info", ...auth, ""];
  writeFileSync(config, lines.join("\n"));
  const program = Program.start([tinyproxy!, "-d", "-c", config]);
  try {
    await within(program.line(/Accepting connections/));
  } finally {
    rmSync(folder, { recursive: true });
  }
  return running(program, port, () => program.stdout, /: (\w+ \S+ HTTP\/1\.1)\s*$/gm);
}

function running(program: Program, port: number, log: () => string, line: RegExp): RunningProxy {
  return {
    port,
    get lines() {
      return [...log().matchAll(line)].map(([, text]) => text!);
    },
    async [Symbol.asyncDispose]() {
      program.kill("SIGKILL");
      await program.ended;
    },
  };
}
