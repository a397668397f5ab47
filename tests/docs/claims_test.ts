/** What the tables of the pages and of the doc comments say of numbers and names, against the code and each other. */

import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { readConnectOptions } from "../../client/options.ts";
import { businessError, type ErrorKind } from "../../errors.ts";
import { heartbeatPolicy } from "../../heartbeat.ts";
import { RULES } from "../../server/options.ts";
import { ROOT } from "../helpers/programs.ts";

const read = (file: string) => readFileSync(join(ROOT, file), "utf8");

/** The rows of the tables of a page or of a comment, but for what stands between their heads and them. */
function rowsOf(text: string): string[][] {
  const lines = text.replace(/^```.*?^```$/gms, "").split("\n")
    .map((line) => line.replace(/^ \* (?=\|)/, ""))
    .filter((line) => line.startsWith("|") && !/^[|\s:-]+$/.test(line));
  return lines.map((line) => line.split("|").slice(1, -1).map((cell) => cell.trim()));
}

/** The rows of a table that has these words before it, up to the next heading or end of a comment. */
const tableAfter = (text: string, words: string) =>
  rowsOf(text.split(words)[1]!.split(/^#|\*\//m)[0]!);

/** The pages that have a twin, by their paths in `docs/`. */
const pages = readdirSync(join(ROOT, "docs"), { recursive: true, encoding: "utf8" })
  .map((name) => name.replaceAll("\\", "/"))
  .filter((name) => /^(?!zh\/).*\.md$/.test(name) && existsSync(join(ROOT, "docs/zh", name)));
const twins = (page: string) => [`docs/${page}`, `docs/zh/${page}`] as const;
const ALL_TWINS = [
  ...pages.map(twins),
  ["README.md", "README.zh.md"],
  ["SECURITY.md", "docs/zh/security.md"],
] as const;

describe("a page and its Chinese twin", () => {
  const numbers = (row: string[]) =>
    row.join(" ").replace(/\]\([^)]*\)/g, "]").match(/\d(?:[\d,.]*\d)?/g)?.sort().join(" ") ?? "";

  it("are there", () => assert(pages.length > 15));

  for (const files of ALL_TWINS) {
    it(`have tables with the same numbers: ${files[0]}`, () => {
      const [one, twin] = files.map((file) => rowsOf(read(file)));
      const said = one!.map((row) => `${row[0]}: ${numbers(row)}`);
      assertEquals(one!.map((row, i) => `${row[0]}: ${numbers(twin![i] ?? [])}`), said);
      assertEquals(twin!.length, one!.length);
    });
  }
});

describe("a page and its Chinese twin, between their programs,", () => {
  /** All numbers, in figures: what is a word in English is one in Chinese. */
  const numbers = (file: string) => {
    const prose = read(file).replace(/^```.*?^```$/gms, "").replace(/\]\([^)]*\)/g, "]");
    const all = prose.match(/(?<![\w.])\d(?:[\d,.]*\d)?/g) ?? [];
    return all.map((one) => one.replaceAll(",", "")).sort();
  };

  for (const [page, twin] of ALL_TWINS) {
    it(`say the same numbers: ${page}`, () => assertEquals(numbers(twin), numbers(page)));
  }
});

describe("docs/options.md", () => {
  const PAGE = read("docs/options.md");
  const UNITS: Record<string, number> = { KiB: 1024, MiB: 1024 ** 2 };

  /** What a cell or a comment says the default is, as both would. */
  function valueOf(text: string): string {
    const [, number, unit = ""] = /^([\d,]+)(?: (\w+))?$/.exec(text) ?? [];
    if (number !== undefined) return String(+number.replaceAll(",", "") * (UNITS[unit] ?? 1));
    const words: Record<string, string> = { "no limit": "Infinity" };
    return words[text] ?? text.replace(/[`'"]/g, "");
  }

  /** What the comments of some types say, by option. */
  const defaultsIn = (...files: string[]) =>
    new Map(files.flatMap((file) =>
      Array.from(
        read(file).matchAll(/@default \{(.*?)\}[^/]*\*\/\s+(\w+)\?:/g),
        ([, value = "", name = ""]) => [name, valueOf(value)] as const,
      )
    ));

  const HEARTBEAT = "heartbeat.ts";
  for (
    const [call, least, files] of [
      ["## `createWebSocket(options)`", 6, ["client/option_types.ts"]],
      ["## `connect(url, options)`", 5, ["client/option_types.ts", HEARTBEAT]],
      ["## `createWebSocketServer(options)`", 2, [
        "server/option_types.ts",
        "server/cluster_types.ts",
      ]],
      ["## `start(config)`", 10, ["server/config_types.ts", HEARTBEAT]],
    ] as const
  ) {
    it(`has the defaults that the types of ${call.slice(3)} say`, () => {
      const said = defaultsIn(...files);
      let count = 0;
      for (const [names = "", given = ""] of tableAfter(PAGE, call)) {
        const found = names.match(/\w+/g)!;
        const values = given.split(", ");
        for (const [i, name] of found.entries()) {
          const value = said.get(name);
          if (value === undefined || value === "system") continue;
          count++;
          assertEquals(valueOf(found.length > 1 ? values[i]! : given), value, name);
        }
      }
      assert(count >= least, `only ${count} were found`);
    });
  }

  it("has the numbers that the doc comments of its options say, one of which has a page of its own", () => {
    const numbers = (text: string) =>
      Array.from(
        text.replace(/RFC \d+/g, "").matchAll(/(?<!\w)(\d[\d,]*\d)(?: ([KM]iB))?/g),
        ([, number = "", unit = ""]) => +number.replaceAll(",", "") * (UNITS[unit] ?? 1),
      );
    const rows = rowsOf(PAGE);
    let count = 0;
    for (const side of ["client", "server"]) {
      const files = [`${side}/option_types.ts`, HEARTBEAT];
      if (side === "server") files.push("server/config_types.ts", "server/cluster_types.ts");
      const options = files.map(read).join("").matchAll(/\/\*\*((?:(?!\*\/).)*)\*\/\s+(\w+)\??:/gs);
      for (const [, comment = "", name = ""] of options) {
        const its = rows.filter(([names]) => names!.includes(`\`${name}\``)).join();
        if (its === "" || name === "schema") continue;
        const shown = numbers(its);
        const said = numbers(comment);
        count += said.length;
        assertEquals(said.filter((one) => !shown.includes(one)), [], name);
      }
    }
    assert(count > 30, `only ${count} were found`);
  });

  it("leads to a page that has the ends after which no client comes back, as their option has", () => {
    const numbers = (file: string, words: RegExp) => words.exec(read(file))![1]!.match(/\d{3,4}/g);
    const said = numbers("client/option_types.ts", /(1000, 1002, .*?)\. It must answer/s);
    assertEquals(numbers("docs/reconnect.md", /- the close codes (.*?)\. On Deno/s), said);
  });

  it("has the limits that the rules say", () => {
    const rules = Object.entries(RULES).map(([name, [, rule]]) => [name, rule]);
    const wrong = readConnectOptions({ connectTimeout: -1 }) as Error;
    let count = 0;
    for (
      const [table, list] of [
        ["## `start(config)`", rules],
        ["## `connect(url, options)`", [["connectTimeout", wrong.message]]],
      ] as const
    ) {
      for (const [name, rule] of list) {
        const [, most] = /(?:at most|from 1 to) (\d+)/.exec(rule!) ?? [];
        if (most === undefined) continue;
        const row = tableAfter(PAGE, table).find(([names]) => names === `\`${name}\``);
        const shown = Number(most).toLocaleString("en");
        assert(row![2]!.includes(`at most ${shown}`), `${name}: ${shown}`);
        count++;
      }
    }
    assertEquals(count, 3);
  });

  it("has the status of each option that refuses a client", () => {
    const found = tableAfter(PAGE, "## `start(config)`").flatMap(([name, , what]) => {
      const [, status] = /answered (\d{3})$/.exec(what!) ?? [];
      return status === undefined ? [] : [[name, status]];
    });
    const reasons = tableAfter(read("errors.ts"), "`error.type` in OpenTelemetry's metrics.");
    let count = 0;
    for (const [name, status] of found) {
      const its = reasons.filter(([, , what]) => what!.startsWith(name!));
      count += its.length;
      for (const [, said] of its) assertEquals(said, status, name);
    }
    assertEquals([found.length, count], [6, 5]);
  });
});

describe("the tables of the doc comments", () => {
  const ERRORS = read("errors.ts");

  it("have the reasons, with their statuses, that docs/observability.md has", () => {
    const page = tableAfter(read("docs/observability.md"), "### Why a client was refused");
    assertEquals(
      tableAfter(ERRORS, "`error.type` in OpenTelemetry's metrics.").map(([reason, status]) => [
        reason,
        status,
      ]).slice(1),
      page.map(([reason = "", status]) => [reason.replaceAll("`", ""), status]).slice(1),
    );
  });

  it("have each code with the words that its message begins with, as docs/errors.md has", () => {
    const kinds = tableAfter(ERRORS, "{@linkcode BusinessError.kind} says it.").slice(1);
    const said = new Set(kinds.map(([kind]) => {
      const { code, message } = businessError(kind as ErrorKind, "");
      return `${code} ${message.replace(/: $/, "")}`;
    }));
    const inSource = tableAfter(ERRORS, "what follows a colon is for people.").slice(1)
      .flatMap(([code, words]) =>
        words!.replace(/ \(.*\)$/, "").split(", ").map((one) => `${code} ${one}`)
      );
    const inPage = tableAfter(read("docs/errors.md"), "first three of several.").slice(1)
      .map(([code, words]) => `${code} ${words}`);
    for (const table of [inSource, inPage]) {
      assertEquals(table.filter((one) => !/^\w+ /.test(one) && !/^-1 /.test(one)), []);
      assertEquals(new Set(table), said);
    }
  });

  it("have the instruments and units that docs/observability.md has", () => {
    const metrics = (file: string) =>
      rowsOf(read(file)).filter(([name]) => /^`websocket\.server\./.test(name!))
        .map(([name, instrument, unit]) => [name, instrument, unit]);
    const inSource = metrics("otel.ts");
    assertEquals(inSource, metrics("docs/observability.md"));
    assert(inSource.length > 15);
  });
});

describe("a client of Redis", () => {
  it("is made where it is documented as it is tested", () => {
    const making = (file: string) => {
      const lines = read(file).matchAll(
        /=> (createClient|new Redis|new Bun\.RedisClient)(\(.*?\)) \}/g,
      );
      return new Map(Array.from(lines, ([, what, options]) => [what, options]));
    };
    const tested = read("tests/helpers/redis_clients.ts").replace(
      /new own/g,
      "new Bun.RedisClient",
    );
    for (const file of ["redis.ts", "docs/cluster.md", "docs/zh/cluster.md"]) {
      const made = making(file);
      assertEquals(made.size, 3, file);
      for (const [what, options] of made) assert(tested.includes(`=> ${what}${options}`), what);
    }
  });
});

describe("the order in which it is checked who is let in", () => {
  it("is the same in docs/server.md and in its twin", () => {
    const [one, twin] = [/, in this order: (.*?)\. Who/s, /按以下顺序检查：(.*?)。/].map((
      words,
      i,
    ) => words.exec(read(twins("server.md")[i]!))?.[1]?.match(/`\w+`|\d+/g));
    assert(one!.length > 10);
    assertEquals(twin, one);
  });
});

describe("the pictures", () => {
  it("have the interval of Pings that the heartbeat has", () => {
    const [, seconds] = /a Ping every (\d+) s/.exec(read("docs/images/message.svg"))!;
    assertEquals(Number(seconds), heartbeatPolicy().pingInterval);
  });

  it("have as many messages missed as they say", () => {
    const text = read("docs/images/resume.svg");
    const [, missed] = /recovered: true, missed: (\d+)/.exec(text)!;
    assertEquals(text.match(/>missed</g)!.length, Number(missed));
  });

  it("name files and folders that there are", () => {
    const files = ["house", "message"].flatMap((name) =>
      read(`docs/images/${name}.svg`).match(/(?<![\w/.])(?:\w+\/)*(?:\w+\.ts\b|(?<=\/)(?![\w.]))/g)!
    );
    assert(files.length > 20);
    assertEquals(files.filter((file) => !existsSync(join(ROOT, file))), []);
  });
});

describe("docs/guarantees.md", () => {
  for (const file of twins("guarantees.md")) {
    it(`names tests that there are: ${file}`, () => {
      const tests = read(file).match(/(?<=`)tests\/[\w/]+\.ts(?=`)/g)!;
      assert(tests.length > 20);
      assertEquals(tests.filter((test) => !existsSync(join(ROOT, test))), []);
    });
  }
});

describe("docs/limits.md", () => {
  for (const file of twins("limits.md")) {
    it(`names for each limit the tests that pin it: ${file}`, () => {
      const limits = rowsOf(read(file)).filter(([what]) => !["limit", "限制"].includes(what!));
      assert(limits.length > 50);
      for (const cells of limits) {
        const tests = cells.at(-1)!.split(/, |、/).map((cell) =>
          /^`(tests\/\S+)`$/.exec(cell)?.[1]
        );
        for (const test of tests) assert(test && existsSync(join(ROOT, test)), cells[0]);
      }
    });
  }
});

describe("CHANGELOG.md", () => {
  it("begins with the version that there is", () => {
    const { version } = JSON.parse(read("package.json"));
    assertEquals(/^## (.*)$/m.exec(read("CHANGELOG.md"))![1], version);
  });
});
