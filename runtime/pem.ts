/**
 * Certificates and private keys. They are read, checked and decrypted before a runtime gets them, so
 * that every runtime refuses a wrong one at once and with the same words. Deno ignores an authority
 * that is not a certificate, and throws for an encrypted key and for the key of another
 * certificate; Bun only says that the connection failed (Deno 2.9.6, Bun 1.4.5,
 * `tls_quirks_test.ts`).
 */

import type { ClientCert } from "../client/types.ts";
import { type BusinessError, businessError } from "../errors.ts";
import { describe } from "../internal/describe.ts";

/** A certificate and its private key, PEM, the key without a passphrase. */
export interface Identity {
  /** The certificate, and those that lead from it to an authority. */
  cert: string;
  /** The private key. */
  key: string;
}

/**
 * A built-in module of the runtime. It is not imported, so that bundles for browsers have nothing
 * of it.
 */
function builtin<T>(name: string): T {
  const { process } = globalThis as unknown as {
    process: { getBuiltinModule(name: string): T };
  };
  return process.getBuiltinModule(name);
}

/** Whether this runtime has files. A browser has none, even where a bundler adds a `process`. */
function hasFiles(): boolean {
  const { process } = globalThis as { process?: { getBuiltinModule?: unknown } };
  return process?.getBuiltinModule !== undefined;
}

/** A private key, as `node:crypto` has it on every runtime. */
interface PrivateKey {
  readonly asymmetricKeyType?: string;
  readonly asymmetricKeyDetails?: { readonly namedCurve?: string; readonly modulusLength?: number };
  export(form: { type: "pkcs8"; format: "pem" }): string;
}

interface Crypto {
  createPrivateKey(from: { key: string; passphrase?: string }): PrivateKey;
  X509Certificate: new (pem: string) => { checkPrivateKey(key: PrivateKey): boolean };
}

interface FileSystem {
  readFileSync(path: string, encoding: "utf8"): string;
}

/** Reads a PEM file. `option` is how errors name the option that has its path. */
function readText(option: string, path: string): string | BusinessError {
  if (!hasFiles()) return businessError("unsupported", `${option} cannot be had: no files here`);
  try {
    return builtin<FileSystem>("node:fs").readFileSync(path, "utf8");
  } catch (cause) {
    const { name, code } = cause as { name?: string; code?: string };
    const kind = name === "NotCapable" || code === "EACCES" ? "permission" : "noFile";
    return businessError(kind, `${option} is ${describe(path)}`, { cause });
  }
}

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/** A file may have more than the key in it: the certificate, or the parameters of a curve. */
const PRIVATE_KEY = /-----BEGIN ([A-Z ]*)PRIVATE KEY-----[^]+?-----END \1PRIVATE KEY-----/;

/** The keys that both runtimes take, by type or curve (Deno 2.9.6, Bun 1.4.5, `tests/pair/tls_test.ts`). */
const KINDS: readonly unknown[] = ["rsa", "ed25519", "prime256v1", "secp384r1", "secp521r1"];

/** The shortest RSA key that both runtimes take, in bits. */
const MIN_RSA_BITS = 2048;

/** Reads a file of one or more certificates. Nothing else that is in it goes on to a runtime. */
export function readCertificates(option: string, path: string): string | BusinessError {
  const text = readText(option, path);
  if (text instanceof Error) return text;
  try {
    const { X509Certificate } = builtin<Crypto>("node:crypto");
    const found = text.match(CERTIFICATE) ?? [];
    for (const pem of found) new X509Certificate(pem);
    if (found.length > 0) return found.join("\n");
  } catch (cause) {
    return unusable(option, "must be a file of PEM certificates", path, cause);
  }
  return unusable(option, "must be a file of PEM certificates", path);
}

/** Reads a certificate and its private key, and checks that they belong together. */
export function readIdentity(
  option: string,
  { certPath, keyPath, keyPassword }: ClientCert,
): Identity | BusinessError {
  const cert = readCertificates(`${option}.certPath`, certPath);
  if (cert instanceof Error) return cert;
  const pem = readText(`${option}.keyPath`, keyPath);
  if (pem instanceof Error) return pem;
  const { X509Certificate, createPrivateKey } = builtin<Crypto>("node:crypto");
  let key: PrivateKey;
  let plain: string;
  try {
    // Deno takes no other block beside the key's (2.9.6, `tests/pair/tls_test.ts`).
    const [own = pem] = PRIVATE_KEY.exec(pem) ?? [];
    key = createPrivateKey({ key: own, ...(keyPassword ? { passphrase: keyPassword } : {}) });
    const { asymmetricKeyType: type, asymmetricKeyDetails: details } = key;
    const kind = type === "ec" ? details!.namedCurve : type;
    if (!KINDS.includes(kind)) throw new Error(`no runtime takes a key of this kind: ${kind}`);
    const { modulusLength: bits = MIN_RSA_BITS } = details!;
    if (bits < MIN_RSA_BITS) {
      throw new Error(`an RSA key must have ${MIN_RSA_BITS} bits: it has ${bits}`);
    }
    plain = key.export({ type: "pkcs8", format: "pem" });
  } catch (cause) {
    const rule = keyPassword === undefined
      ? "must be a file of a PEM private key with no passphrase"
      : "must be a file of a PEM private key that 'keyPassword' opens";
    return unusable(`${option}.keyPath`, rule, keyPath, cause);
  }
  if (!new X509Certificate(cert).checkPrivateKey(key)) {
    return unusable(`${option}.keyPath`, "must be the key of 'certPath'", keyPath);
  }
  return { cert, key: plain };
}

function unusable(option: string, rule: string, path: string, cause?: unknown): BusinessError {
  return businessError("argument", `${option} ${rule}: current value is ${describe(path)}`, {
    cause,
  });
}
