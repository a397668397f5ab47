/** What is read of files of certificates and keys, and why not, before a runtime gets any of it. */

import { assert, assertEquals, assertInstanceOf, assertMatch } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { createPrivateKey, generateKeyPairSync } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { BusinessError } from "../../errors.ts";
import { readCertificates, readIdentity } from "../../runtime/pem.ts";
import { Certificates } from "../helpers/certificates.ts";
import { HERE } from "../helpers/programs.ts";

const made = new Certificates();
const authority = made.authority("pem");
const other = made.authority("pem other");
const read = ({ certPath, keyPath }: { certPath: string; keyPath: string }) => ({
  cert: readFileSync(certPath, "utf8"),
  key: readFileSync(keyPath, "utf8"),
});

/** The error that something is, by what it says. */
function fault(error: unknown): BusinessError {
  assertInstanceOf(error, BusinessError);
  return error;
}

describe("readCertificates()", () => {
  const [one, two] = [read(authority).cert.trim(), read(other).cert.trim()];

  it("gives all certificates of a file, and nothing else that is in it", () => {
    const key = read(authority).key;
    const path = made.file("bundle.pem", `note\n${one}\n${key}\nanother\n${two}\nend`);
    assertEquals(readCertificates("it", path), `${one}\n${two}`);
  });

  it("refuses a file with none, or with one that is none", () => {
    const garbage = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----";
    for (const [text, hasCause] of [["", false], ["none", false], [`${one}\n${garbage}`, true]]) {
      const path = made.file("wrong.pem", `${text}`);
      const { cause, code, message } = fault(readCertificates("it", path));
      assertEquals([code, cause !== undefined], [401, hasCause]);
      const rule = "it must be a file of PEM certificates: current value is";
      assertEquals(message, `Parameter error: ${rule} ${JSON.stringify(path)}`);
    }
  });

  it("says of a file that cannot be read which it is, and why", () => {
    const path = join(made.folder, "nowhere.pem");
    const { cause, kind, message } = fault(readCertificates("it", path));
    assertEquals([kind, (cause as { code?: string }).code], ["noFile", "ENOENT"]);
    assert(message.endsWith(`it is ${JSON.stringify(path)}`), message);
  });

  it("tells what is not permitted from what is not there, however the system says so", () => {
    const rows = [
      [{ code: "EACCES" }, "permission"],
      [{ name: "NotCapable" }, "permission"],
      [{ code: "EISDIR" }, "noFile"],
    ] as const;
    for (const [how, kind] of rows) {
      const cause = Object.assign(new Error("no"), how);
      const readFileSync = () => {
        throw cause;
      };
      const error = withBuiltin(() => ({ readFileSync }), () => readCertificates("it", "a.pem"));
      assertEquals([fault(error).kind, fault(error).cause], [kind, cause]);
    }
  });

  it("cannot be had where there are no files", () => {
    const error = fault(withBuiltin(undefined, () => readCertificates("it", "a.pem")));
    assertEquals([error.code, error.kind], [2302999, "unsupported"]);
    assert(error.message.endsWith("it cannot be had: no files here"), error.message);
  });
});

/** Runs a task where the runtime gives other modules, or none. */
function withBuiltin<T>(getBuiltinModule: unknown, task: () => T): T {
  const place = globalThis as unknown as { process: object };
  const own = Object.getOwnPropertyDescriptor(place, "process")!;
  const value = Object.create(place.process, { getBuiltinModule: { value: getBuiltinModule } });
  Object.defineProperty(place, "process", { value, configurable: true });
  try {
    return task();
  } finally {
    Object.defineProperty(place, "process", own);
  }
}

describe("readIdentity()", () => {
  const identity = (keyPath: string, keyPassword?: string, certPath = authority.certPath) =>
    readIdentity("it", { certPath, keyPath, ...(keyPassword !== undefined && { keyPassword }) });
  const rule = (error: unknown) => fault(error).message.replace(/: current value is .*/, "");
  const { cert, key } = read(authority);
  const kind = createPrivateKey(key).asymmetricKeyType === "rsa" ? "pkcs1" : "sec1";
  const plain = createPrivateKey(key).export({ type: "pkcs8", format: "pem" });

  it("gives the certificate and the key, without what stands around that in its file", () => {
    const around = (text: string, name: string) => made.file(name, `${cert}\nnote\n${text}\nend`);
    const old = createPrivateKey(key).export({ type: kind, format: "pem" }) as string;
    const paths = [around(key, "around.pem"), around(old, "old.pem")];
    for (const keyPath of [authority.keyPath, ...paths]) {
      assertEquals(identity(keyPath), { cert: cert.trim(), key: plain as string });
    }
    assertEquals(identity(authority.keyPath, ""), { cert: cert.trim(), key: plain as string });
  });

  it("opens an encrypted key with its password alone", () => {
    const form = { type: "pkcs8", format: "pem", cipher: "aes-256-cbc", passphrase: "pw" } as const;
    const path = made.file("encrypted.pem", createPrivateKey(key).export(form) as string);
    assertEquals(identity(path, "pw"), { cert: cert.trim(), key: plain as string });
    const opens = "Parameter error: it.keyPath must be a file of a PEM private key";
    for (
      const [password, more] of [["no", "that 'keyPassword' opens"], [
        undefined,
        "with no passphrase",
      ]]
    ) {
      const error = identity(path, password);
      assertEquals(rule(error), `${opens} ${more}`);
      assert(fault(error).message.endsWith(`current value is ${JSON.stringify(path)}`));
      assertInstanceOf(fault(error).cause, Error);
    }
  });

  it("opens a key that is locked in an old or a new way where the runtime can, and else refuses it", () => {
    const aes = ["-v2", "aes-256-cbc", "-v2prf"];
    const rows: [how: string[], where: string][] = [
      [[...aes, "hmacWithSHA256"], "deno bun"],
      [[...aes, "hmacWithSHA1"], "bun"],
      [[...aes, "hmacWithSHA512"], "deno"],
      [["-v2", "des3"], "bun"],
      [["-v1", "PBE-SHA1-3DES"], "bun"],
      [["-scrypt"], "deno"],
    ];
    for (const [how, where] of rows) {
      const { certPath, keyPath: plain } = authority;
      const keyPath = made.locked(plain, "pw", how);
      const got = readIdentity("it", { certPath, keyPath, keyPassword: "pw" });
      if (got instanceof Error) {
        assertMatch(got.message, /a PEM private key that 'keyPassword' opens/);
      }
      assertEquals([how, got instanceof Error], [how, !where.includes(HERE)]);
    }
  });

  it("takes the key of the first certificate, behind which are those that lead to an authority", () => {
    const [own, next] = [read(authority), read(other)];
    const certPath = made.file("chain.pem", `${own.cert}\n${next.cert}`);
    const identity = readIdentity("it", { certPath, keyPath: authority.keyPath });
    assertEquals((identity as { cert: string }).cert, `${own.cert.trim()}\n${next.cert.trim()}`);
    const { message } = fault(readIdentity("it", { certPath, keyPath: other.keyPath }));
    assertMatch(message, /it\.keyPath must be the key of 'certPath'/);
  });

  it("takes the key of the certificate alone", () => {
    const error = identity(other.keyPath);
    assertEquals(rule(error), "Parameter error: it.keyPath must be the key of 'certPath'");
  });

  it("takes no RSA key that is too short for one of the runtimes", () => {
    const form = { type: "pkcs8", format: "pem" } as const;
    const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 1024 });
    const { cause } = fault(identity(made.file("short.pem", privateKey.export(form) as string)));
    assertEquals(String(cause), "Error: an RSA key must have 2048 bits: it has 1024");
  });

  it("takes no key of a kind that one of the runtimes does not take", () => {
    const form = { type: "pkcs8", format: "pem" } as const;
    const { privateKey } = generateKeyPairSync("x25519");
    const path = made.file("agreement.pem", privateKey.export(form) as string);
    const { cause } = fault(identity(path));
    assertMatch(String(cause), /no runtime takes a key of this kind: x25519/);
    const kinds = [
      generateKeyPairSync("rsa", { modulusLength: 2048 }),
      generateKeyPairSync("ed25519"),
      ...["prime256v1", "secp384r1", "secp521r1"].map((namedCurve) =>
        generateKeyPairSync("ec", { namedCurve })
      ),
    ];
    for (const { privateKey } of kinds) {
      const keyPath = made.file("kind.pem", privateKey.export(form) as string);
      // It is another certificate's, which is looked at after its kind.
      assertEquals(
        rule(identity(keyPath)),
        "Parameter error: it.keyPath must be the key of 'certPath'",
      );
    }
  });

  it("says which of the two files is wrong", () => {
    const nowhere = join(made.folder, "nowhere.pem");
    const [wrongCert, wrongKey] = [identity(authority.keyPath, "", nowhere), identity(nowhere)];
    assertMatch(fault(wrongCert).message, /it\.certPath is ".*nowhere/);
    assertMatch(fault(wrongKey).message, /it\.keyPath is ".*nowhere/);
  });
});
