import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { originAllowed } from "../../server/origin.ts";

function request(origin: string | undefined, host = "example.com"): Request {
  const headers = origin === undefined ? { host } : { host, origin };
  return new Request("http://example.com/", { headers });
}

describe("originAllowed()", () => {
  it("lets in who sends no Origin, whatever is allowed", () => {
    for (const allowed of ["same-host", "*", [], ["https://a.example"]] as const) {
      assertEquals(originAllowed(request(undefined), allowed), true);
    }
  });

  it("lets in everybody with '*'", () => {
    for (const origin of ["null", "x", "http://b.example"]) {
      assertEquals(originAllowed(request(origin), "*"), true);
    }
  });

  it("compares with a list exactly", () => {
    const list = ["https://a.example", "http://b.example:81"];
    const allowed = (origin: string) => originAllowed(request(origin), list);
    assertEquals(list.map(allowed), [true, true]);
    const others = ["http://a.example", "https://a.example:1", "https://A.example", "null", "x"];
    assertEquals(others.map(allowed), others.map(() => false));
  });

  it("compares host names with 'same-host', in any spelling, ports and schemes aside", () => {
    const same: [string, string][] = [
      ["http://example.com", "example.com"],
      ["https://example.com:1", "example.com:2"],
      ["https://EXAMPLE.com", "Example.COM"],
      ["http://[::1]:1", "[0:0:0:0:0:0:0:1]:2"],
      ["http://xn--bcher-kva.example", "xn--bcher-kva.example:81"],
    ];
    for (const [origin, host] of same) {
      assertEquals([origin, originAllowed(request(origin, host), "same-host")], [origin, true]);
    }
    const other: [string, string][] = [
      ["http://example.org", "example.com"],
      ["http://example.com.org", "example.com"],
      ["http://a.example.com", "example.com"],
      ["http://example.com@example.org", "example.com"],
      ["null", "null"],
      ["example.com", "example.com"],
      ["example.com:80", "example.com"],
      ["", "example.com"],
    ];
    for (const [origin, host] of other) {
      assertEquals([origin, originAllowed(request(origin, host), "same-host")], [origin, false]);
    }
  });

  it("takes an origin without a host for no host's, not even for that of no host", () => {
    for (const origin of ["file://", "about:blank", "data:text/plain,x"]) {
      for (const host of ["", "a b", "example.com"]) {
        assertEquals([origin, originAllowed(request(origin, host), "same-host")], [origin, false]);
      }
    }
  });

  it("takes the host of the URL where no header names it, as HTTP/1.0 allows", () => {
    const headers = { origin: "http://example.com:1" };
    const [same, other] = ["http://example.com/", "http://other.example/"].map((url) =>
      originAllowed(new Request(url, { headers }), "same-host")
    );
    assertEquals([same, other], [true, false]);
  });
});
