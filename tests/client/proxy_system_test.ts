/** The client's `proxy` and the environment: 'system', which is the default, and the others. */

import { assertEquals, assertFalse, assertMatch, assertStringIncludes } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import process from "node:process";
import { createWebSocket } from "../../mod.ts";
import { Certificates } from "../helpers/certificates.ts";
import { refusal, within } from "../helpers/client.ts";
import { Program, ROOT } from "../helpers/programs.ts";
import { attempt, CREDENTIALS, requestLine, SCHEMES, Target } from "../helpers/proxy_target.ts";
import { header } from "../peers/raw.ts";
import { RecordingProxy } from "../peers/recording_proxy.ts";

const made = new Certificates();
const ca = made.authority("ca");
const cert = made.leaf(ca);

const NAMES = ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"].flatMap((
  name,
) => [name, name.toLowerCase()]);

/** Does something in an environment with these of its proxy variables, and no others. */
async function inEnvironment<T>(
  values: Record<string, string>,
  task: () => Promise<T>,
): Promise<T> {
  const kept = NAMES.map((name) => [name, process.env[name]] as const);
  for (const name of NAMES) delete process.env[name];
  Object.assign(process.env, values);
  try {
    return await task();
  } finally {
    for (const [name, value] of kept) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  }
}

/** Where nobody listens: whoever is sent there fails. */
const NOWHERE = "http://127.0.0.1:1";

for (const scheme of SCHEMES) {
  const own = scheme === "ws" ? "HTTP_PROXY" : "HTTPS_PROXY";
  const others = scheme === "ws" ? "HTTPS_PROXY" : "HTTP_PROXY";
  const both = (name: string) => [name, name.toLowerCase()];

  describe(`the environment's proxy, ${scheme}`, () => {
    async function run(
      cases: (proxy: string) => [Record<string, string>, "proxy" | "direct"][],
      options = {},
    ): Promise<void> {
      await using server = await Target.start(scheme, ca, cert);
      await using proxy = await RecordingProxy.listen();
      for (const [env, way] of cases(`http://127.0.0.1:${proxy.port}`)) {
        const what = JSON.stringify(env);
        const before = proxy.lines.length;
        const got = await inEnvironment(env, () => attempt(server, options));
        assertEquals([what, got], [what, "hello"]);
        const expected = way === "proxy" ? [requestLine(server)] : [];
        assertEquals([what, proxy.lines.slice(before)], [what, expected]);
      }
    }

    for (const options of [{}, { proxy: "system" }] as const) {
      it(`is used by ${JSON.stringify(options)}, its name in either case`, async () => {
        await run((proxy) =>
          [
            [{}, "direct"],
            ...both(own).map((name) => [{ [name]: proxy }, "proxy"] as const),
            ...both("ALL_PROXY").map((name) => [{ [name]: proxy }, "proxy"] as const),
            ...both(others).map((name) => [{ [name]: NOWHERE }, "direct"] as const),
            [{ [own]: proxy, ALL_PROXY: NOWHERE, [others]: NOWHERE }, "proxy"],
            [{ [own]: proxy.replace("http://", "") }, "proxy"],
            [{ [own]: "", ALL_PROXY: "" }, "direct"],
          ] as [Record<string, string>, "proxy" | "direct"][], options);
      });
    }

    it("is left out for the hosts of NO_PROXY, its name in either case", async () => {
      await run((proxy) =>
        both("NO_PROXY").flatMap((name) => [
          ...["localhost", "*", "other.example, LocalHost", ".localhost", "localhost,x"]
            .map((value) => [{ [own]: proxy, [name]: value }, "direct"] as const),
          ...["other.example", "localhost:1", "", ".host", "127.0.0.1"]
            .map((value) => [{ [own]: proxy, [name]: value }, "proxy"] as const),
        ]) as [Record<string, string>, "proxy" | "direct"][]
      );
    });

    it("is not used with 'no-proxy'", async () => {
      await run(
        () => [own, "ALL_PROXY"].flatMap(both).map((name) => [{ [name]: NOWHERE }, "direct"]),
        { proxy: "no-proxy" },
      );
    });

    it("is not used where no certificate is looked at and there is to be none", async () => {
      const skip = { skipServerCertVerification: true, caPath: "" };
      const names = [own, "ALL_PROXY"].flatMap(both);
      await run(
        () => names.map((name) => [{ [name]: NOWHERE }, "direct"]),
        { ...skip, proxy: "no-proxy" },
      );
      await run(() => names.map((name) => [{ [name]: NOWHERE, NO_PROXY: "*" }, "direct"]), skip);
    });

    it("is not used where another is named, nor is NO_PROXY", async () => {
      await using server = await Target.start(scheme, ca, cert);
      await using proxy = await RecordingProxy.listen();
      const options = { proxy: { host: "127.0.0.1", port: proxy.port } };
      const envs = [{ [own]: NOWHERE, ALL_PROXY: NOWHERE }, { NO_PROXY: "*" }, {
        no_proxy: "localhost",
        NO_PROXY: "localhost",
      }];
      for (const [i, env] of envs.entries()) {
        const got = await inEnvironment(env, () => attempt(server, options));
        assertEquals([env, got, proxy.lines.length], [env, "hello", i + 1]);
      }
    });

    it("is not used for the hosts of 'exclusionList'", async () => {
      await using server = await Target.start(scheme, ca, cert);
      const options = { proxy: { host: "127.0.0.1", port: 1, exclusionList: ["localhost"] } };
      const env = { [own]: NOWHERE, ALL_PROXY: NOWHERE };
      assertEquals(await inEnvironment(env, () => attempt(server, options)), "hello");
    });

    it("is told its credentials, and the server never", async () => {
      await using server = await Target.start(scheme, ca, cert);
      await using proxy = await RecordingProxy.listen({ credentials: "me@home:p:/%ü" });
      const env = { [own]: `http://me%40home:p%3A%2F%25%C3%BC@127.0.0.1:${proxy.port}` };
      assertEquals(await inEnvironment(env, () => attempt(server, {})), "hello");
      assertStringIncludes(header(proxy.heads.at(-1)!, "proxy-authorization"), "Basic ");
      assertEquals(server.requests.length, 1);
      assertEquals(server.requests[0]!.filter((name) => /proxy|authorization/.test(name)), []);
    });

    it("is as it was afterwards", async () => {
      await using server = await Target.start(scheme, ca, cert);
      const env = Object.fromEntries(NAMES.map((name) => [name, `http://127.0.0.1:1/${name}`]));
      await inEnvironment(env, async () => {
        assertEquals(await attempt(server, { proxy: "no-proxy" }), "hello");
        assertEquals(Object.fromEntries(NAMES.map((name) => [name, process.env[name]])), env);
      });
    });

    it("is refused where it is no URL, by its name and not its value", async () => {
      await using server = await Target.start(scheme, ca, cert);
      const values = [
        ...["http://", "http://a:secret b/", "http://a:secret@127.0.0.1:99999", "ht!tp:/secret"],
        // A host, and not the one that was meant.
        ...[
          "http:/127.0.0.1:1",
          "http://a:1/secret@127.0.0.1",
          "a:1?secret",
          "a:1#secret",
          "a!b:1",
        ],
      ];
      for (const value of values) {
        for (const name of [own, own.toLowerCase(), "all_proxy"]) {
          await inEnvironment({ [name]: value }, async () => {
            const error = await refusal(
              createWebSocket().connect(server.url, { caPath: server.caPath }),
            );
            assertEquals([error.code, error.kind], [2302999, "unsupported"]);
            assertStringIncludes(error.message, `the environment's ${name} is no URL of a proxy`);
            assertFalse(error.message.includes("secret"));
          });
        }
      }
    });

    it("does not matter where it is no URL and the host is excepted", async () => {
      await run(() => [[{ [own]: "http://", no_proxy: "localhost" }, "direct"]]);
    });

    it("never makes connect throw, nor blames the URL, whatever it says", async () => {
      await using server = await Target.start(scheme, ca, cert);
      for (const value of ["http://100%:x@127.0.0.1:1", "foo://127.0.0.1:1"]) {
        const ws = createWebSocket();
        const connect = () => within(ws.connect(server.url, { caPath: server.caPath }));
        const got = await inEnvironment({ [own]: value }, async () => {
          try {
            return await connect();
          } catch (error) {
            return (error as { code?: number }).code ?? `thrown: ${error}`;
          }
        });
        if (ws.state !== "idle") {
          void ws.close().catch(() => {});
          await ws.closed.catch(() => {});
        }
        // Started (and ignored, or failed later), or refused as an option that cannot be had.
        assertEquals([value, got === true || got === 2302999, got], [value, true, got]);
      }
    });
  });
}

describe("the environment's proxy on Deno without --allow-env", () => {
  it("never has its credentials told to the server", async () => {
    await using server = await Target.start("wss", ca, cert);
    const { username, password } = CREDENTIALS;
    await using proxy = await RecordingProxy.listen({ credentials: `${username}:${password}` });
    const program = made.file(
      "no_env.ts",
      `import { createWebSocket } from ${JSON.stringify(`${ROOT}/mod.ts`)};
      const ws = createWebSocket();
      ws.on("error", ({ code }) => console.log("error " + code));
      ws.on("message", (_, data) => { console.log(data); ws.close(); });
      await ws.connect(${JSON.stringify(server.url)}, { caPath: ${JSON.stringify(ca.certPath)} })
        .catch(({ code }) => console.log("refused " + code));`,
    );
    const ran = await Program.run("deno", program, {
      flags: ["--allow-net", "--allow-read", "--no-prompt"],
      env: { HTTPS_PROXY: `http://${username}:${password}@127.0.0.1:${proxy.port}`, NO_PROXY: "" },
    }).ended;
    assertEquals([ran.stdout, ran.stderr], ["hello\n", ""]);
    // Deno has read the environment by itself, where we may not.
    assertMatch(header(proxy.heads.at(-1)!, "proxy-authorization"), /^Basic \S+$/);
    assertEquals(server.requests.length, 1);
    assertEquals(server.requests[0]!.filter((name) => /proxy|authorization/.test(name)), []);
  });

  it("is refused what it cannot have: none at all, or one with credentials on the way to wss", async () => {
    const program = made.file(
      "refused_env.ts",
      `import { createWebSocket } from ${JSON.stringify(`${ROOT}/mod.ts`)};
      const proxy = { host: "127.0.0.1", port: 1 };
      const known = { ...proxy, username: "a", password: "b" };
      const ways = [["ws:", "no-proxy"], ["wss:", known], ["wss:", proxy]];
      for (const [scheme, proxy] of ways) {
        const ws = createWebSocket();
        ws.on("error", () => {});
        const answer = await ws.connect(scheme + "//127.0.0.1:1/", { proxy })
          .catch(({ code, message }) => code + message.replace(/.*(?= it needs)/, ""));
        console.log(answer);
      }`,
    );
    const none = [
      "2302999 it needs --allow-env to leave the environment's proxy alone",
      "2302999 it needs --allow-env to keep the proxy's credentials from the server",
      "true",
      "",
    ];
    const names = NAMES.join();
    const rows: [string[], string[]][] = [
      [["--allow-net"], none],
      [["--allow-net", "--allow-env", "--deny-env=HTTP_PROXY"], none],
      [["--allow-net", "--allow-env", "--deny-env=no_proxy"], none],
      [["--allow-net", "--allow-env=HTTP_PROXY,NO_PROXY"], none],
      [["--allow-net", "--allow-env", "--deny-env=SECRET"], ["true", "true", "true", ""]],
      [["--allow-net", `--allow-env=${names}`], ["true", "true", "true", ""]],
    ];
    for (const [flags, told] of rows) {
      const ran = await Program.run("deno", program, {
        flags: [...flags, "--allow-read", "--no-prompt"],
      }).ended;
      assertEquals([flags, ran.stdout.split("\n"), ran.stderr], [flags, told, ""]);
    }
  });
});
