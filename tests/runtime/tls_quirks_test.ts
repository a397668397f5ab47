/**
 * What the runtimes' own WebSocket does with options of TLS, without our module, on Deno 2.9.6 and
 * Bun 1.4.5. `runtime/deno/client.ts`, `runtime/bun/client.ts` and `runtime/pem.ts` work round it:
 * where one of these turns red after an upgrade, the workaround can go or must change.
 */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { deadline } from "@std/async";
import { describe, it } from "@std/testing/bdd";
import { readFileSync } from "node:fs";
import { createServer, type TLSSocket } from "node:tls";
import { Certificates } from "../helpers/certificates.ts";
import { onDeno } from "../helpers/programs.ts";
import { acceptHead } from "../peers/raw.ts";
import { dial } from "./bare.ts";

const made = new Certificates();
const ca = made.authority("ca");
const good = made.leaf(ca);
const read = (path: string) => readFileSync(path, "utf8");
const CA = read(ca.certPath);

const deno = (globalThis as unknown as {
  Deno: { createHttpClient(options: object): { close(): void } };
}).Deno;

/** What Deno takes for undici's sake. */
const DISPATCHER = {
  [Symbol.for("Deno.internal.node.undici.dispatcherOptions")]: {
    unsafelyIgnoreCertificateErrors: true,
  },
};

/** Dials a server, of TLS 1.2 at the most where so told: "open", what went wrong, or was thrown. */
async function outcome(
  init: () => object,
  maxVersion?: "TLSv1.2",
  answer: (head: string) => string = acceptHead,
): Promise<string> {
  const options = { cert: read(good.certPath), key: read(good.keyPath) };
  const sockets = new Set<TLSSocket>();
  const limit = maxVersion === undefined ? {} : { maxVersion };
  const server = createServer({ ...options, ...limit }, (socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.once("data", (head) => {
      socket.write(answer(String(head)));
      socket.once("data", () => socket.end()); // its Close frame
    });
  });
  server.on("tlsClientError", (_, socket) => socket.destroy());
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    const { port } = server.address() as { port: number };
    const { ws, log, over } = dial(`wss://localhost:${port}/`, init());
    ws.addEventListener("open", () => ws.close());
    await deadline(over, 30_000);
    return log[0]!;
  } catch (error) {
    return `throws ${(error as Error).message}`;
  } finally {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  }
}

/** The options of a dial with an HttpClient; it is closed when the dial has begun. */
function withClient(options: object): () => object {
  return () => {
    const client = deno.createHttpClient(options);
    queueMicrotask(() => client.close());
    return { client };
  };
}

/** The options for a certificate authority, and a certificate of the client's. */
function trusting(ca: string, identity: object = {}): () => object {
  if (onDeno) return withClient({ caCerts: [ca], ...identity });
  return () => ({ tls: { ca, ...identity } });
}

describe("the runtime's WebSocket with TLS", () => {
  it("connects to who shows a certificate of the authority it is told, and to no other", async () => {
    assertEquals(await outcome(trusting(CA)), "open");
    assert((await outcome(() => ({}))).startsWith("error "));
  });

  it("hides the HTTP status of a refused handshake on Deno, and not on Bun", async () => {
    const refuse = () => "HTTP/1.1 401 No\r\ncontent-length: 0\r\n\r\n";
    assertStringIncludes(
      await outcome(trusting(CA), undefined, refuse),
      onDeno ? "Didn't receive h2 alpn, aborting connection" : "Expected 101 status code: 401",
    );
  });

  it("says nothing of an authority that is no certificate on Deno, and no more on Bun", async () => {
    assertStringIncludes(
      await outcome(trusting("garbage")),
      onDeno ? "invalid peer certificate: UnknownIssuer" : "failed: Failed to connect",
    );
  });

  it("throws for an encrypted key on Deno, and says no more than that it failed on Bun", async () => {
    const key = read(made.encrypted(good.keyPath, "secret", "PKCS#8"));
    assertStringIncludes(
      await outcome(trusting(CA, { cert: read(good.certPath), key })),
      onDeno ? "throws No keys found in key data" : "failed: Failed to connect",
    );
  });

  it("throws for a key of another certificate's on Deno, and says no more than that on Bun", async () => {
    const key = read(made.leaf(ca).keyPath);
    assertStringIncludes(
      await outcome(trusting(CA, { cert: read(good.certPath), key })),
      onDeno ? "throws keys may not be consistent: KeyMismatch" : "failed: Failed to connect",
    );
  });

  it("takes any certificate on Deno by an option for undici alone, and not with a client", async () => {
    if (!onDeno) {
      assertEquals(await outcome(() => ({ tls: { rejectUnauthorized: false } })), "open");
      return;
    }
    const refused = "invalid peer certificate: UnknownIssuer";
    assertEquals(await outcome(() => ({ dispatcher: DISPATCHER })), "open");
    const option = { unsafelyIgnoreCertificateErrors: true };
    assertStringIncludes(await outcome(withClient(option)), refused);
    const both = withClient({});
    assertStringIncludes(await outcome(() => ({ ...both(), dispatcher: DISPATCHER })), refused);
  });

  it("takes the oldest version on Bun as a number only, and has none on Deno", async () => {
    if (onDeno) {
      for (const option of ["minVersion", "minTlsVersion", "tlsMinVersion"]) {
        const client = withClient({ caCerts: [CA], [option]: "TLSv1.3" });
        assertEquals(await outcome(client, "TLSv1.2"), "open");
      }
      return;
    }
    const from = (minVersion: unknown) => () => ({ tls: { ca: CA, minVersion } });
    assertEquals(await outcome(from(0x0303), "TLSv1.2"), "open");
    assertEquals(await outcome(from(0x0304)), "open");
    assert((await outcome(from(0x0304), "TLSv1.2")).startsWith("error "));
    assertEquals(
      await outcome(from("TLSv1.3")),
      "throws TLSOptions.minVersion must be a number",
    );
  });

  it("keeps an HttpClient on Deno that is closed as soon as the connection has begun", async () => {
    assertEquals(await outcome(trusting(CA)), "open");
    if (!onDeno) return;
    assertStringIncludes(
      await outcome(() => {
        const client = deno.createHttpClient({ caCerts: [CA] });
        client.close();
        return { client };
      }),
      "Bad resource ID",
    );
  });
});
