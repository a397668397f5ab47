/**
 * `wss`: a server with a certificate, a client that trusts it, and one that does not. The first run
 * has `openssl` make the certificate, in the folder that is named, where later runs find it; with no
 * folder named it is made in a temporary one. Runs to its end by itself.
 *
 *     deno run --allow-net=localhost,127.0.0.1 --allow-env --allow-run=openssl \
 *       --allow-read=certs --allow-write=certs examples/tls.ts certs
 *     bun examples/tls.ts certs
 */

import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { createWebSocket, createWebSocketServer } from "@netkit/websocket";

/** What openssl is to make: a certificate for this machine, and no authority for others. */
const REQUEST = `
[req]
distinguished_name = subject
x509_extensions = extensions
prompt = no
[subject]
CN = localhost
[extensions]
subjectAltName = DNS:localhost, IP:127.0.0.1
basicConstraints = critical, CA:FALSE
`;

/** The certificate in a folder; made if it is not there. */
function certificateIn(folder: string): { certPath: string; keyPath: string } {
  const certPath = join(folder, "cert.pem");
  const keyPath = join(folder, "key.pem");
  if (!existsSync(certPath)) {
    const config = join(folder, "openssl.cnf");
    mkdirSync(folder, { recursive: true });
    writeFileSync(config, REQUEST);
    const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"];
    const key = [...curve, "-nodes", "-keyout", keyPath];
    const made = ["req", "-x509", "-days", "365", "-config", config, ...key, "-out", certPath];
    execFileSync("openssl", made, { stdio: "pipe" });
  }
  return { certPath, keyPath };
}

const folder = process.argv[2] ?? mkdtempSync(join(tmpdir(), "websocket-tls-"));
const serverCert = certificateIn(folder);

const server = createWebSocketServer();
server.on("connect", (connection) => void server.send("Nobody else can read this.", connection));
await server.start({ serverPort: 0, serverIP: "127.0.0.1", serverCert });

/** Connects, prints what it is told or why not, and leaves. */
async function visit(name: string, options: { caPath?: string }): Promise<void> {
  await using ws = createWebSocket();
  ws.on("message", (_err, data) => {
    console.log(`${name}: ${data}`);
    ws.close();
  });
  ws.on("error", (error) => console.log(`${name}: ${error.message}`));
  await ws.connect(`wss://localhost:${server.address!.port}/`, options);
  await ws.closed.catch(() => {}); // it never opened: 'error' has told
}

await visit("trusts the certificate", { caPath: serverCert.certPath });
await visit("does not trust it", {});

await server.stop();
if (process.argv[2] === undefined) rmSync(folder, { recursive: true });
