import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import process from "node:process";
import {
  type Environment,
  environment,
  environmentNames,
  fullUrl,
  hasCredentials,
  proxyFault,
  proxyFor,
  withProxyEnvironment,
} from "../../runtime/proxy.ts";

const WS = new URL("ws://a.example/");
const P = "http://127.0.0.1:8080";

/** Whether a URL's proxy is left out by a list, which both ways to give one must agree on. */
function excluded(url: string, list: string): boolean {
  const target = new URL(url);
  const exclusionList = list.split(",");
  const explicit = proxyFor(target, { host: "p", port: 1, exclusionList }, {}) === undefined;
  const system = proxyFor(target, "system", { all_proxy: P, no_proxy: list }) === undefined;
  assertEquals([url, list, explicit], [url, list, system]);
  return explicit;
}

describe("proxyFor() with an explicit proxy", () => {
  it("gives its URL and credentials", () => {
    assertEquals(proxyFor(WS, { host: "p.example", port: 3128 }, {}), {
      url: "http://p.example:3128",
      username: "",
      password: "",
    });
    const option = { host: "p", port: 1, username: "a@b", password: "c:/%" };
    assertEquals(proxyFor(WS, option, {}), {
      url: "http://p:1",
      username: "a@b",
      password: "c:/%",
    });
  });

  it("puts an IPv6 address into brackets, unless it is, and spells a name in ASCII", () => {
    for (const host of ["::1", "[::1]"]) {
      assertEquals(proxyFor(WS, { host, port: 8080 }, {})?.url, "http://[::1]:8080");
    }
    const { url } = proxyFor(WS, { host: "bücher.example", port: 80 }, {})!;
    assertEquals(url, "http://xn--bcher-kva.example:80");
  });

  it("does not look at the environment", () => {
    const env = { no_proxy: "*", NO_PROXY: "*", http_proxy: P, all_proxy: P };
    assertEquals(proxyFor(WS, { host: "p", port: 1 }, env)?.url, "http://p:1");
    assertEquals(
      proxyFor(WS, { host: "p", port: 1, exclusionList: ["a.example"] }, env),
      undefined,
    );
  });
});

describe("proxyFor() with 'no-proxy'", () => {
  it("gives none", () => {
    assertEquals(proxyFor(WS, "no-proxy", { http_proxy: P, all_proxy: P }), undefined);
  });
});

describe("proxyFor() with 'system'", () => {
  const url = (env: Environment, target = "ws://a.example/") =>
    proxyFor(new URL(target), "system", env)?.url;

  it("reads the variable of the scheme, then ALL_PROXY, lower case first", () => {
    const env = {
      http_proxy: "http://h",
      HTTP_PROXY: "http://H2",
      https_proxy: "http://s",
      all_proxy: "http://all",
    };
    assertEquals(url(env), "http://h");
    assertEquals(url(env, "wss://a.example/"), "http://s");
    assertEquals(url({ ...env, http_proxy: "" }), "http://h2");
    assertEquals(url({ all_proxy: "http://all" }), "http://all");
    assertEquals(url({ ALL_PROXY: "http://all" }, "wss://a.example/"), "http://all");
    assertEquals(url({ https_proxy: "http://s" }), undefined);
    assertEquals(url({}), undefined);
  });

  it("takes https proxies, IPv6 hosts, and one with no scheme", () => {
    assertEquals(url({ http_proxy: "https://p:8443/path" }), "https://p:8443");
    assertEquals(url({ http_proxy: "http://[::1]:3128" }), "http://[::1]:3128");
    assertEquals(url({ http_proxy: "p:3128" }), "http://p:3128");
    assertEquals(url({ http_proxy: "p_1.a-b.example:3128/" }), "http://p_1.a-b.example:3128");
    assertEquals(url({ http_proxy: "127.0.0.1:3128" }), "http://127.0.0.1:3128");
  });

  it("decodes the credentials", () => {
    const env = { http_proxy: "http://me%40home:p%3A%2F%25%C3%BC@p:1" };
    const proxy = { url: "http://p:1", username: "me@home", password: "p:/%ü" };
    assertEquals(proxyFor(WS, "system", env), proxy);
    assertEquals(proxyFor(WS, "system", { http_proxy: "me:pw@p:1" })?.username, "me");
  });

  it("ignores what is no URL", () => {
    const texts = ["http://", "http://a b/", "http://p:99999", "http://[::1", " ", "http:/p:1"];
    const others = [
      "http://a:1/b@p:1",
      "http://a:1?b@p",
      "http://a:1#b@p",
      "a:1/b",
      "a:1?b",
      "a!b:1",
    ];
    for (const http_proxy of [...texts, ...others]) {
      assertEquals([http_proxy, url({ http_proxy })], [http_proxy, undefined]);
    }
  });

  it("takes credentials with a percent sign as they are, and never throws", () => {
    const proxy = proxyFor(WS, "system", { http_proxy: "http://100%:50%@p:1" });
    assertEquals(proxy, { url: "http://p:1", username: "100%", password: "50%" });
  });
});

describe("a list of exceptions", () => {
  it("names hosts and their domains, with or without a dot or an asterisk", () => {
    for (const item of ["a.example", ".a.example", "*.a.example", "A.Example", "example"]) {
      assertEquals([item, excluded("ws://a.example/", item)], [item, true]);
      assertEquals([item, excluded("ws://x.a.example/", item)], [item, true]);
    }
    for (const item of ["b.example", "a.exampl", "a.example.org", "xa.example", "x.a.example"]) {
      assertEquals([item, excluded("ws://a.example/", item)], [item, false]);
    }
    assertEquals(excluded("ws://ba.example/", "a.example"), false);
    assertEquals(excluded("ws://ba.example/", ".a.example"), false);
  });

  it("may spell names as they are read, or as they are looked up", () => {
    for (
      const item of ["bücher.example", ".BÜCHER.example:80", "xn--bcher-kva.example", "例え.b,*.例"]
    ) {
      const host = item.includes("例") ? "x.例" : "a.bücher.example";
      assertEquals([item, excluded(`ws://${host}/`, item)], [item, true]);
    }
    assertEquals(excluded("ws://a.example/", "ä b,bücher.example"), false);
  });

  it("may have the dot at the end that makes a name absolute, as may the host", () => {
    for (const host of ["a.example", "a.example.", "x.a.example."]) {
      for (const item of ["a.example", "a.example.", ".a.example.", "a.example.:80", "example."]) {
        assertEquals([host, item, excluded(`ws://${host}/`, item)], [host, item, true]);
      }
      assertEquals(excluded(`ws://${host}/`, "b.example."), false);
    }
  });

  it("has an asterisk for all", () => {
    assertEquals(excluded("ws://a.example/", "*"), true);
    assertEquals(excluded("wss://[::1]:1/", "x,*"), true);
  });

  it("may name ports, also those that go without saying", () => {
    assertEquals(excluded("ws://a.example:81/", "a.example:81"), true);
    assertEquals(excluded("ws://a.example:81/", "a.example:82"), false);
    assertEquals(excluded("ws://a.example/", "a.example:80"), true);
    assertEquals(excluded("wss://a.example/", "a.example:443"), true);
    assertEquals(excluded("wss://a.example/", "a.example:80"), false);
    assertEquals(excluded("ws://[::1]:81/", "[::1]:81"), true);
    assertEquals(excluded("ws://[::1]:81/", "[::1]:82"), false);
  });

  it("names addresses, but no part of them", () => {
    assertEquals(excluded("ws://10.1.2.3/", "10.1.2.3"), true);
    assertEquals(excluded("ws://10.1.2.3/", "2.3"), false);
    assertEquals(excluded("ws://10.1.2.3/", ".2.3"), false);
    assertEquals(excluded("ws://[::1]/", "::1"), true);
    assertEquals(excluded("ws://[::1]/", "[::1]"), true);
    assertEquals(excluded("ws://[::1]/", "::2"), false);
    for (const item of ["FD00:0:0:0::1", "[fd00:0:0:0:0:0:0:1]", "fd00::0001", "[FD00::1]:80"]) {
      assertEquals([item, excluded("ws://[fd00::1]/", item)], [item, true]);
      assertEquals([item, excluded("ws://[fd00::2]/", item)], [item, false]);
    }
    for (const item of ["fd00::/8x", "fd00::1/", "fd00::g"]) {
      assertEquals([item, excluded("ws://[fd00::1]/", item)], [item, false]);
      assertEquals([item, excluded("ws://a.example/", item)], [item, false]);
    }
  });

  it("names IPv4 networks", () => {
    for (
      const [network, holds] of [
        ["10.0.0.0/8", true],
        ["10.1.2.0/24", true],
        ["10.1.2.99/24", true],
        ["10.1.2.3/32", true],
        ["0.0.0.0/0", true],
        ["10.1.2.2/31", true],
        ["10.1.2.4/31", false],
        ["10.1.3.0/24", false],
        ["11.0.0.0/8", false],
        ["10.1.2.2/32", false],
      ] as const
    ) assertEquals([network, excluded("ws://10.1.2.3/", network)], [network, holds]);
    assertEquals(excluded("ws://a.example/", "0.0.0.0/0"), false);
    assertEquals(excluded("ws://172.31.0.1/", "172.16.0.0/12"), true);
    assertEquals(excluded("ws://172.32.0.1/", "172.16.0.0/12"), false);
  });

  it("names IPv6 networks", () => {
    assertEquals(excluded("ws://[fd00::1]/", "fd00::/8"), true);
    assertEquals(excluded("ws://[fe80::1]/", "fd00::/8"), false);
    assertEquals(excluded("ws://[fd00::1]/", "fd00::1/128"), true);
    assertEquals(excluded("ws://[fd00::2]/", "fd00::1/128"), false);
    assertEquals(excluded("ws://[::1]/", "::/127"), true);
    assertEquals(excluded("ws://[1:2:3:4:5:6:7:8]/", "1:2:3:4:5:6:7:8/128"), true);
    assertEquals(excluded("ws://[1:2:3:4:5:6:7:8]/", "1:2:3:4:5:6:7:8"), true);
    assertEquals(excluded("ws://[1:2:3::]/", "1:2:3::/48"), true);
    assertEquals(excluded("ws://[1:2:4::]/", "1:2:3::/48"), false);
    assertEquals(excluded("ws://[febf::1]/", "fe80::/10"), true);
    assertEquals(excluded("ws://[fec0::1]/", "fe80::/10"), false);
  });

  it("name no host of the other family", () => {
    for (const host of ["[::1]", "[fd00::1]", "[::ffff:10.1.2.3]"]) {
      const networks = ["0.0.0.0/0", "10.0.0.0/8", "128.0.0.0/1"];
      for (const network of networks) assertEquals(excluded(`ws://${host}/`, network), false);
    }
    assertEquals(excluded("ws://10.1.2.3/", "::/0"), false);
  });

  it("may be garbage", () => {
    for (const item of ["", ",", " ", ".", "*.", ":", ":80", "/", "1/2", "999.1.1.1/8", "[", "]"]) {
      assertEquals([item, excluded("ws://a.example/", item)], [item, false]);
    }
    assertEquals(excluded("ws://[::1]/", ":::/8"), false);
    assertEquals(excluded("ws://10.1.2.3/", "10.0.0.0/8x"), false);
    assertEquals(excluded("ws://a.example./", ",,x, "), false); // nothing between commas is no domain
    assertEquals(excluded("ws://4.example/", "example"), true); // a name that begins with a digit
    const both = { all_proxy: P, no_proxy: "x", NO_PROXY: "a.example" }; // lower case goes first
    assertEquals(proxyFor(WS, "system", both)?.url, P);
    assertEquals(proxyFault(WS, "system", both), undefined);
    assertEquals(proxyFor(WS, "system", { ...both, no_proxy: "" }), undefined);
    const env = { all_proxy: P, no_proxy: "x, \t,,a.example\n" };
    assertEquals(proxyFor(WS, "system", env), undefined);
  });
});

describe("withProxyEnvironment()", () => {
  const full = (): Environment => ({
    HTTP_PROXY: P,
    https_proxy: P,
    ALL_PROXY: "",
    no_proxy: "*",
    OTHER: "kept",
  });

  it("takes the proxies' variables away, and puts them back", () => {
    const env = full();
    assertStrictEquals(
      withProxyEnvironment(env, {}, () => {
        assertEquals(env, { OTHER: "kept" });
        return P;
      }),
      P,
    );
    assertEquals(env, full());
  });

  it("puts them back when the task throws", () => {
    const env = full();
    assertThrows(
      () =>
        withProxyEnvironment(env, {}, () => {
          throw new RangeError("no");
        }),
      RangeError,
      "no",
    );
    assertEquals(env, full());
  });

  it("does not touch an environment that says nothing", () => {
    const env = Object.freeze({ OTHER: "kept", http_proxy: "" });
    assertEquals(withProxyEnvironment(env, {}, () => 1), 1);
    assertEquals(environmentNames(env), false);
    assertEquals(environmentNames({ no_proxy: "*" }), false);
    assertEquals(environmentNames({ HTTPS_PROXY: P }), true);
  });

  it("shows one that says nothing what it is to say meanwhile", () => {
    const env: Environment = { OTHER: "kept" };
    withProxyEnvironment(env, { https_proxy: P }, () => {
      assertEquals(env, { OTHER: "kept", https_proxy: P });
    });
    assertEquals(env, { OTHER: "kept" });
  });
});

describe("environment()", () => {
  it("is this process's own", () => {
    assertStrictEquals(environment(), process.env as Environment);
  });
});

describe("a proxy's credentials", () => {
  it("are there where one of the two is", () => {
    const has = (username: string, password: string) =>
      hasCredentials({ url: P, username, password });
    assertEquals([has("", ""), has("u", ""), has("", "p"), has("u", "p")], [
      ...[false, true, true, true],
    ]);
  });

  it("are encoded in its URL", () => {
    const full = fullUrl({ url: P, username: "me@home", password: "p:/%" });
    assertEquals(full, "http://me%40home:p%3A%2F%25@127.0.0.1:8080/");
    assertEquals(fullUrl({ url: P, username: "", password: "" }), `${P}/`);
    assertEquals(fullUrl({ url: P, username: "me", password: "" }), "http://me:@127.0.0.1:8080/");
    const lone = fullUrl({ url: P, username: "\ud800", password: "\udfff" });
    assertEquals(lone, "http://%EF%BF%BD:%EF%BF%BD@127.0.0.1:8080/");
  });
});

describe("proxyFault()", () => {
  const fault = (env: Environment, option: Parameters<typeof proxyFor>[1] = "system") =>
    proxyFault(WS, option, env);

  it("finds none where there is no proxy, or one of HTTP", () => {
    for (const env of [{}, { http_proxy: P }, { http_proxy: "https://p" }, { https_proxy: "!" }]) {
      assertEquals(fault(env), undefined);
    }
    assertEquals(fault({}, { host: "p", port: 1 }), undefined);
  });

  it("names the variable that is no URL of one, where that counts", () => {
    const env = { http_proxy: "http://a b/" };
    assertEquals(fault(env), "the environment's http_proxy is no URL of a proxy");
    assertEquals(fault({ ALL_PROXY: "!" }), "the environment's ALL_PROXY is no URL of a proxy");
    assertEquals(fault({ ...env, no_proxy: "a.example" }), undefined);
    assertEquals(fault(env, "no-proxy"), undefined);
    assertEquals(fault(env, { host: "p", port: 1 }), undefined);
  });

  it("says of another kind what it is, and nothing of its credentials", () => {
    const why = "it speaks to HTTP proxies only, not to socks5://p:1080";
    assertEquals(fault({ all_proxy: "socks5://me:secret@p:1080" }), why);
    assertEquals(
      fault({ http_proxy: "ftp-http://p" }),
      "it speaks to HTTP proxies only, not to " + "ftp-http://p",
    );
  });
});
