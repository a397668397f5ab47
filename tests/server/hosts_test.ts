import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { ask, exchange } from "../helpers/http.ts";
import { assertRefused, WatchedServer } from "../helpers/watched_server.ts";

/** What becomes of an upgrade, by `Host`. */
async function statuses(
  allowedHosts: string[],
  hosts: string[],
): Promise<Record<string, number>> {
  await using watched = await WatchedServer.start({ allowedHosts });
  const found: Record<string, number> = {};
  for (const host of hosts) {
    found[host] = (await exchange(watched.port, { headers: { host } })).status;
  }
  const refused = Object.values(found).filter((status) => status !== 101);
  const told = () => watched.errors.filter(({ data }) => data === "403");
  await watched.until(() => told().length === refused.length);
  for (const { message } of told()) assertMatch(message, /server may not be called by this name/);
  return found;
}

describe("createWebSocketServer().start({ allowedHosts })", () => {
  it("lets in who calls the server by a name of the list, in any spelling and on any port", async () => {
    assertEquals(
      await statuses(["Chat.Example", "127.0.0.1", "::1", "[::3]"], [
        ...[
          "chat.example",
          "CHAT.example:8080",
          "127.0.0.1:1",
          "[::1]:80",
          "[0:0:0:0:0:0:0:1]",
          "[::3]",
        ],
        ...[
          "evil.example",
          "a.chat.example",
          "chat.example.evil",
          "127.0.0.2",
          "[::2]",
          "localhost",
        ],
      ]),
      {
        "chat.example": 101,
        "CHAT.example:8080": 101,
        "127.0.0.1:1": 101,
        "[::1]:80": 101,
        "[0:0:0:0:0:0:0:1]": 101,
        "[::3]": 101,
        "evil.example": 403,
        "a.chat.example": 403,
        "chat.example.evil": 403,
        "127.0.0.2": 403,
        "[::2]": 403,
        "localhost": 403,
      },
    );
  });

  it("lets in the subdomains of a name with a dot before it, and not the name itself", async () => {
    assertEquals(
      await statuses([".example.com"], [
        ...[
          "a.example.com",
          "a.b.EXAMPLE.com:1",
          "example.com",
          "aexample.com",
          "example.com.evil",
        ],
      ]),
      {
        "a.example.com": 101,
        "a.b.EXAMPLE.com:1": 101,
        "example.com": 403,
        "aexample.com": 403,
        "example.com.evil": 403,
      },
    );
  });

  it("lets in nobody by an empty list", async () => {
    assertEquals(await statuses([], ["127.0.0.1", "localhost"]), {
      "127.0.0.1": 403,
      "localhost": 403,
    });
  });

  it("stops a page that leads to this server's address by its name, which 'same-host' does not", async () => {
    const headers = { host: "evil.example", origin: "http://evil.example" };
    await using open = await WatchedServer.start();
    assertEquals((await exchange(open.port, { headers })).status, 101);
    await using watched = await WatchedServer.start({ allowedHosts: ["127.0.0.1"] });
    assertEquals((await exchange(watched.port, { headers })).status, 403);
  });

  it("counts for what 'fetch' answers, too", async () => {
    const fetch = () => new Response("page");
    await using watched = await WatchedServer.start({ allowedHosts: ["chat.example"], fetch });
    const status = async (host: string) => (await ask(watched.port, { headers: { host } })).status;
    assertEquals([await status("chat.example"), await status("evil.example")], [200, 403]);
    assertEquals(watched.log, []);
  });

  it("refuses what can never stand in Host with 401, and names it", async () => {
    const wrong = [
      ...["", ".", "*", "*.example.com", "example.com:80", "[::1]:80", "https://example.com"],
      ...["example.com/", "a b", ".127.0.0.1:1", "..com", 5, null],
    ];
    for (const entry of wrong) {
      await using watched = new WatchedServer();
      const config = { serverPort: 0, allowedHosts: ["example.com", entry as string] };
      const error = await assertRefused(() => watched.server.start(config), 401, "'allowedHosts'");
      assertStringIncludes(error.message, JSON.stringify(entry));
    }
  });
});
