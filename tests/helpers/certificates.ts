/** Certificates, made with openssl when the tests that need them start. */

import { execFileSync } from "node:child_process";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { system } from "../../scripts/setup.mjs";

const OPENSSL = await system("openssl") ?? "openssl";

/** A certificate and its key, by path. */
export interface Made {
  certPath: string;
  keyPath: string;
}

/** A folder of certificates (the test command removes it). */
export class Certificates {
  readonly folder = mkdtempSync(join(tmpdir(), "netkit-tls-"));
  #count = 0;

  /** A certificate authority. */
  authority(name: string): Made {
    const made = this.#paths(name);
    this.#run("req", "-x509", ...this.#newKey(made), "-out", made.certPath, "-days", "2", [
      ["-subj", `/CN=${name}`],
      ["-addext", "basicConstraints=critical,CA:TRUE"],
    ]);
    return made;
  }

  /** A server's certificate that is its own authority: as openssl makes them unless it is told. */
  selfSigned(constraints: "CA:TRUE" | "CA:FALSE"): Made {
    const made = this.#paths(`self${++this.#count}`);
    this.#run("req", "-x509", ...this.#newKey(made), "-out", made.certPath, "-days", "2", [
      ["-subj", "/CN=localhost"],
      ["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"],
      ["-addext", `basicConstraints=critical,${constraints}`],
    ]);
    return made;
  }

  /** A certificate an authority has signed. */
  leaf(by: Made, { host = "localhost", days = 2 }: { host?: string; days?: number } = {}): Made {
    const made = this.#paths(`leaf${++this.#count}`);
    const request = join(this.folder, `${this.#count}.csr`);
    const extensions = this.file(
      `${this.#count}.ext`,
      `subjectAltName=${host === "localhost" ? "DNS:localhost,IP:127.0.0.1" : `DNS:${host}`}\n` +
        "basicConstraints=CA:FALSE\n",
    );
    this.#run("req", ...this.#newKey(made), "-out", request, [["-subj", `/CN=${host}`]]);
    const authority = ["-CA", by.certPath, "-CAkey", by.keyPath, "-CAcreateserial"];
    // A lifetime that has ended is asked for with a negative number of days.
    this.#run("x509", "-req", "-in", request, ...authority, "-out", made.certPath, [
      ["-days", String(days)],
      ["-extfile", extensions],
    ]);
    return made;
  }

  /** The same key with a passphrase, in one of two formats. */
  encrypted(keyPath: string, password: string, format: "PKCS#8" | "legacy"): string {
    const out = join(this.folder, `encrypted${++this.#count}.pem`);
    const [command, cipher] = format === "legacy" ? ["ec", "-aes128"] : ["pkey", "-aes256"];
    this.#run(command!, "-in", keyPath, cipher!, "-passout", `pass:${password}`, "-out", out);
    return out;
  }

  /** A PKCS#8 key with a password, locked as `openssl pkcs8` is told to. */
  locked(keyPath: string, password: string, how: string[]): string {
    const out = join(this.folder, `locked${++this.#count}.pem`);
    const words = ["-in", keyPath, ...how, "-passout", `pass:${password}`, "-out", out];
    this.#run("pkcs8", "-topk8", ...words);
    return out;
  }

  /** Any file. */
  file(name: string, text: string): string {
    const path = join(this.folder, name);
    writeFileSync(path, text);
    return path;
  }

  /** A certificate with a key of any kind, as `openssl genpkey` is told to make it. */
  withKey(kind: string, option?: string): Made {
    const made = this.#paths(`kind${++this.#count}`);
    const options = option === undefined ? [] : ["-pkeyopt", option];
    this.#run("genpkey", "-algorithm", kind, ...options, "-out", made.keyPath);
    this.#run("req", "-x509", "-key", made.keyPath, "-out", made.certPath, "-days", "2", [
      ["-subj", "/CN=localhost"],
      ["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"],
      ["-addext", "basicConstraints=critical,CA:FALSE"],
    ]);
    return made;
  }

  #paths(name: string): Made {
    const path = (end: string) => join(this.folder, `${name}.${end}.pem`);
    return { certPath: path("cert"), keyPath: path("key") };
  }

  #newKey({ keyPath }: Made): string[] {
    return ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
      .concat("-keyout", keyPath);
  }

  #run(...args: (string | string[][])[]): void {
    execFileSync(OPENSSL, args.flat(2), { stdio: "pipe", env: process.env });
  }
}
