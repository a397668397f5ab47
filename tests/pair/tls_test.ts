/** TLS: the options of client and server, real handshakes, certificates made for the occasion. */

import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { readFileSync } from "node:fs";
import process from "node:process";
import { connect as connectTls } from "node:tls";
import { createWebSocket, TlsProtocol, type WebSocketRequestOptions } from "../../mod.ts";
import { Certificates } from "../helpers/certificates.ts";
import { EventLog, refusal, within } from "../helpers/client.ts";
import { HERE, onDeno, Program, ROOT } from "../helpers/programs.ts";
import { assertRefused, WatchedServer } from "../helpers/watched_server.ts";

const made = new Certificates();
const ca = made.authority("ca");
const good = made.leaf(ca);

/** A server of ours that greets. */
async function greeting(serverCert = good): Promise<WatchedServer> {
  const server = await WatchedServer.start({ serverCert });
  server.server.on("connect", (connection) => void server.server.send("hello", connection));
  return server;
}

/** Connects, and tells what came of it: a message, or the error. */
async function outcome(url: string, options: WebSocketRequestOptions): Promise<string> {
  const ws = createWebSocket();
  const log = new EventLog(ws);
  const told = new Promise<void>((resolve) => {
    ws.on("message", () => resolve());
    ws.on("error", () => resolve());
  });
  assertEquals(await within(ws.connect(url, options)), true);
  await within(told);
  if (log.messages.length > 0) {
    await within(ws.close());
    await log.next("close");
    return String(log.messages[0]);
  }
  assertEquals(log.names, ["error"]);
  return log.errors[0]!.message;
}

const FAILED = "Websocket connect failed: the TLS handshake failed";

describe("a file of certificates or of a key", () => {
  const text = (path: string) => readFileSync(path, "utf8");
  const [cert, key] = [text(good.certPath), text(good.keyPath)];
  const parameters =
    "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n";
  const attributes = "Bag Attributes\n    localKeyID: 01\nKey Attributes: <No Attributes>\n";
  const files: [string, string, string][] = [
    ["the key before the certificate", key + cert, key + cert],
    ["the certificate before the key", cert + key, cert + key],
    ["the parameters of a curve before the key", cert, parameters + key],
    ["the attributes of a PKCS#12 file", attributes + cert, attributes + key],
  ];
  for (const [i, [what, certs, keys]] of files.entries()) {
    it(`may have more in it: ${what}`, async () => {
      const certPath = made.file(`more${i}.pem`, certs);
      const keyPath = made.file(`more${i}.key`, keys);
      await using server = await greeting({ certPath, keyPath });
      const url = `wss://127.0.0.1:${server.port}/`;
      const caPath = made.file(`more${i}.ca`, key + text(ca.certPath));
      assertEquals(await outcome(url, { caPath, clientCert: { certPath, keyPath } }), "hello");
    });
  }
});

describe("TLS", () => {
  it("is really spoken by a server with 'serverCert'", async () => {
    await using server = await greeting();
    const socket = connectTls({
      host: "127.0.0.1",
      servername: "localhost",
      port: server.port,
      ca: readFileSync(ca.certPath),
    });
    await within(new Promise((resolve) => socket.once("secureConnect", resolve)));
    assertMatch(String(socket.getProtocol()), /^TLSv1\.[23]$/);
    socket.destroy();
    await within(new Promise((resolve) => socket.once("close", resolve)));
  });

  it("connects to a server whose authority is in 'caPath'", async () => {
    await using server = await greeting();
    const url = `wss://localhost:${server.port}/`;
    assertEquals(await outcome(url, { caPath: ca.certPath }), "hello");
    assertEquals(
      await outcome(`wss://127.0.0.1:${server.port}/`, { caPath: ca.certPath }),
      "hello",
    );
  });

  it("takes several authorities from one file", async () => {
    const other = made.authority("other authority");
    const both = made.file(
      "both.pem",
      readFileSync(other.certPath, "utf8") + readFileSync(ca.certPath, "utf8"),
    );
    await using server = await greeting();
    assertEquals(await outcome(`wss://localhost:${server.port}/`, { caPath: both }), "hello");
  });

  it("takes a certificate that is its own authority; on Deno only where that says CA:FALSE", async () => {
    for (const constraints of ["CA:FALSE", "CA:TRUE"] as const) {
      const own = made.selfSigned(constraints);
      await using server = await greeting(own);
      const told = await outcome(`wss://localhost:${server.port}/`, { caPath: own.certPath });
      const fails = onDeno && constraints === "CA:TRUE";
      assertEquals(told, fails ? FAILED : "hello", constraints);
    }
  });

  it("fails where the chain, the name or the date is wrong", async () => {
    await using server = await greeting();
    const url = `wss://localhost:${server.port}/`;
    const other = made.authority("wrong authority");
    assertEquals(await outcome(url, {}), FAILED);
    assertEquals(await outcome(url, { caPath: "" }), FAILED);
    assertEquals(await outcome(url, { caPath: other.certPath }), FAILED);
    await using elsewhere = await greeting(made.leaf(ca, { host: "elsewhere.example" }));
    const options = { caPath: ca.certPath };
    assertEquals(await outcome(`wss://localhost:${elsewhere.port}/`, options), FAILED);
    await using expired = await greeting(made.leaf(ca, { days: -1 }));
    assertEquals(await outcome(`wss://localhost:${expired.port}/`, options), FAILED);
  });

  it("takes any certificate with 'skipServerCertVerification', and only then", async () => {
    await using elsewhere = await greeting(made.leaf(made.authority("x"), { host: "a.example" }));
    const url = `wss://localhost:${elsewhere.port}/`;
    assertEquals(await outcome(url, { skipServerCertVerification: true }), "hello");
    assertEquals(await outcome(url, { skipServerCertVerification: false }), FAILED);
  });

  it("fails before a server that speaks no TLS, and one that hides behind it", async () => {
    await using plain = await WatchedServer.start();
    const error = await outcome(`wss://localhost:${plain.port}/`, { caPath: ca.certPath });
    assertMatch(error, /^Websocket connect failed: /);
    await using server = await greeting();
    assertMatch(await outcome(`ws://localhost:${server.port}/`, {}), /^Websocket connect failed: /);
  });

  it("refuses 2302002 a file that is not there, naming it", async () => {
    const none = made.folder + "/none.pem";
    const ws = createWebSocket();
    const wss = "wss://localhost/";
    for (
      const [options, name] of [
        [{ caPath: none }, "'caPath'"],
        [{ clientCert: { certPath: none, keyPath: good.keyPath } }, "'clientCert'.certPath"],
        [{ clientCert: { certPath: good.certPath, keyPath: none } }, "'clientCert'.keyPath"],
      ] as const
    ) {
      const error = await refusal(ws.connect(wss, options));
      assertEquals(error.code, 2302002);
      assertStringIncludes(error.message, `${name} is ${JSON.stringify(none)}`);
    }
    await using server = new WatchedServer();
    for (const part of ["certPath", "keyPath"]) {
      const serverCert = { ...good, [part]: none };
      await assertRefused(
        () => server.server.start({ serverPort: 0, serverCert }),
        2302002,
        `'serverCert'.${part}`,
      );
    }
  });

  it("refuses 401 a file that is of no use, naming it", async () => {
    const garbage = made.file("garbage.pem", "no PEM");
    const broken = made.file(
      "broken.pem",
      "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
    );
    const locked = made.encrypted(good.keyPath, "secret", "PKCS#8");
    const other = made.leaf(ca);
    const { certPath } = good;
    const ws = createWebSocket();
    for (
      const [options, says] of [
        [{ caPath: garbage }, "'caPath' must be a file of PEM certificates"],
        [{ caPath: broken }, "'caPath' must be a file of PEM certificates"],
        [{ clientCert: { certPath, keyPath: garbage } }, "'clientCert'.keyPath must be"],
        [{ clientCert: { certPath, keyPath: other.keyPath } }, "must be the key of 'certPath'"],
        [{ clientCert: { certPath, keyPath: locked } }, "with no passphrase"],
        [
          { clientCert: { certPath, keyPath: locked, keyPassword: "wrong" } },
          "that 'keyPassword' opens",
        ],
      ] as const
    ) {
      const error = await refusal(ws.connect("wss://localhost/", options));
      assertEquals(error.code, 401);
      assertStringIncludes(error.message, says);
    }
    await using server = new WatchedServer();
    const serverCert = { certPath, keyPath: other.keyPath };
    await assertRefused(
      () => server.server.start({ serverPort: 0, serverCert }),
      401,
      "'serverCert'",
    );
  });

  it("takes the kinds of keys that both runtimes have, and no others", async () => {
    const curve = (name: string) => made.withKey("EC", `ec_paramgen_curve:${name}`);
    const rsa = (bits: number) => made.withKey("RSA", `rsa_keygen_bits:${bits}`);
    const own = [curve("secp384r1"), curve("secp521r1"), made.withKey("ED25519"), rsa(2048)];
    for (const serverCert of own) {
      await using server = await greeting(serverCert);
      const options = { skipServerCertVerification: true };
      assertEquals(await outcome(`wss://127.0.0.1:${server.port}/`, options), "hello");
    }
    const rule = "keyPath must be a file of a PEM private key with no passphrase";
    const pss = made.withKey("RSA-PSS", "rsa_keygen_bits:2048");
    for (const other of [curve("secp256k1"), pss, rsa(1024)]) {
      await using server = new WatchedServer();
      const config = { serverPort: 0, serverCert: other };
      await assertRefused(() => server.server.start(config), 401, `start: 'serverCert'.${rule}`);
      const error = await refusal(
        createWebSocket().connect("wss://localhost/", { clientCert: other }),
      );
      assertEquals(error.code, 401);
      assertStringIncludes(error.message, `connect: 'clientCert'.${rule}`);
    }
  });

  it("shows the client's certificate, whatever its key is locked with", async () => {
    const client = made.leaf(ca, { host: "client.example" });
    const { certPath, keyPath } = client;
    const script = `${ROOT}/tests/peers/mtls_server.mjs`;
    const args = [good.certPath, good.keyPath, ca.certPath];
    const server = Program.tlsPeer(script, args);
    try {
      const [, port] = await within(server.line(/^port (\d+)$/m));
      const url = `wss://localhost:${port}/`;
      const keyPassword = "open sesame";
      const pkcs8 = made.encrypted(keyPath, keyPassword, "PKCS#8");
      const legacy = made.encrypted(keyPath, keyPassword, "legacy");
      for (
        const clientCert of [
          client,
          { certPath, keyPath: pkcs8, keyPassword },
          { certPath, keyPath: legacy, keyPassword },
        ]
      ) {
        const ws = createWebSocket();
        const log = new EventLog(ws);
        assertEquals(await ws.connect(url, { caPath: ca.certPath, clientCert }), true);
        await log.next("close");
        assertEquals(log.messages, ["client.example"]);
        assertEquals(log.closes, [{ code: 1000, reason: "" }]);
      }
      const none = createWebSocket();
      const log = new EventLog(none);
      assertEquals(await none.connect(url, { caPath: ca.certPath }), true);
      const [error] = await log.next("error");
      assertMatch(String(error), /^BusinessError: Websocket connect failed: /);
      assertEquals(log.messages, []);
    } finally {
      server.kill("SIGKILL");
      await server.ended;
    }
  });

  it("keeps to 'minSupportTlsProtocol', or says that it cannot", async () => {
    await using server = await greeting();
    const url = `wss://localhost:${server.port}/`;
    const caPath = ca.certPath;
    for (const version of [TlsProtocol.TLS_V_1_0, TlsProtocol.TLS_V_1_1, TlsProtocol.TLS_V_1_2]) {
      assertEquals(await outcome(url, { caPath, minSupportTlsProtocol: version }), "hello");
    }
    const minSupportTlsProtocol = TlsProtocol.TLS_V_1_3;
    if (HERE === "deno") {
      const error = await refusal(
        createWebSocket().connect(url, { caPath, minSupportTlsProtocol }),
      );
      assertEquals(error.code, 2302999);
      assertMatch(error.message, /'minSupportTlsProtocol' cannot be had on Deno [\d.]+: /);
      return;
    }
    assertEquals(await outcome(url, { caPath, minSupportTlsProtocol }), "hello");
    // A server that knows nothing newer than 1.2 is taken, and refused where 1.3 is the least.
    const old = Program.start([
      ...["openssl", "s_server", "-accept", "0", "-tls1_2", "-www"],
      ...["-cert", good.certPath, "-key", good.keyPath],
    ], { env: { PATH: process.env.PATH ?? "" } });
    try {
      const [, port] = await within(old.line(/^ACCEPT .*:(\d+)$/m));
      const oldUrl = `wss://localhost:${port}/`;
      const fine = await outcome(oldUrl, { caPath, minSupportTlsProtocol: TlsProtocol.TLS_V_1_2 });
      assertStringIncludes(fine, "HTTP status 200"); // TLS done, but no WebSocket behind it
      assertEquals(await outcome(oldUrl, { caPath, minSupportTlsProtocol }), FAILED);
    } finally {
      old.kill("SIGKILL");
      await old.ended;
    }
  });

  it("cannot be had without verification on Deno with a client certificate", async () => {
    if (HERE === "bun") {
      await using server = await greeting();
      const options = { skipServerCertVerification: true, clientCert: good };
      assertEquals(await outcome(`wss://localhost:${server.port}/`, options), "hello");
      return;
    }
    const error = await refusal(
      createWebSocket().connect("wss://localhost/", {
        skipServerCertVerification: true,
        clientCert: good,
      }),
    );
    assertEquals(error.code, 2302999);
    assertMatch(error.message, /'skipServerCertVerification' cannot be had on Deno [\d.]+: /);
  });

  it("is refused 201 on Deno where the program may not read its files", async () => {
    const program = made.file(
      "denied.ts",
      `import { createWebSocket, createWebSocketServer } from ${JSON.stringify(`${ROOT}/mod.ts`)};
      const [caPath, serverPort] = [${JSON.stringify(ca.certPath)}, 0];
      const serverCert = ${JSON.stringify(good)};
      const say = ({ code, message }) => console.log(code + " " + message);
      await createWebSocket().connect("wss://localhost/", { caPath }).catch(say);
      await createWebSocketServer().start({ serverPort, serverCert }).catch(say);`,
    );
    const flags = ["--allow-net", "--no-prompt"];
    const { code, stdout, stderr } = await Program.run("deno", program, { flags }).ended;
    assertEquals([code, stderr], [0, ""]);
    assertMatch(
      stdout,
      /^201 Permission denied: connect: 'caPath' .*\n201 Permission denied: start: /,
    );
  });
});
