// @ts-check
/** Reads the JUnit reports of `deno test` and `bun test`. */

/**
 * @typedef {object} Case
 * @property {string | undefined} file The test file, where the report tells it: on Bun.
 * @property {string} name "suite > inner suite > case".
 * @property {boolean} skipped
 * @property {string | undefined} failure The message, and where it was thrown.
 */

/**
 * The cases of a report, without the suites that contain them.
 *
 * @param {string} xml
 * @returns {Case[]}
 */
export function cases(xml) {
  const all = [...xml.matchAll(/<testcase ([^>]*?)(?:\/>|>([\s\S]*?)<\/testcase>)/g)].map(
    ([, attributes = "", body = ""]) => {
      // Deno puts the suites into the name. Its class is the file that calls Deno.test or t.step,
      // which is the one that defines `describe` and `it`.
      const file = attribute(attributes, "file");
      const path = [...(file ? suites(attributes) : []), attribute(attributes, "name") ?? ""];
      return {
        file,
        name: path.join(" > "),
        skipped: body.includes("<skipped"),
        failure: failure(body),
      };
    },
  );
  return all.filter(({ file, name, failure }) =>
    // Deno reports a suite beside its steps. It counts only when it failed and no step of it did.
    file !== undefined || !all.some((other) => other.name.startsWith(`${name} > `)) ||
    (failure !== undefined && !/^\d+ test steps? failed/.test(failure))
  );
}

/**
 * The suites of a case on Bun, where they are the class, innermost first.
 *
 * @param {string} attributes
 */
function suites(attributes) {
  return (attribute(attributes, "classname") ?? "").split(" > ").reverse().filter(Boolean);
}

/** A message is shown up to here: what two long values are is in the file's own part. */
const MOST_LINES = 10;

/** @param {string} body */
function failure(body) {
  const match = /<failure([^>]*?)(?:\/>|>([\s\S]*?)<\/failure>)/.exec(body);
  if (!match) return undefined;
  const text = decode(match[2] ?? "").trim();
  const message = (attribute(match[1] ?? "", "message") || text || "failed").trim().split("\n");
  // The first line of the stack that is a test's own, not of what asserts and runs.
  const place = text.split("\n").find((line) => /^\s+at /.test(line) && !/tests\/std\//.test(line));
  return [...message.slice(0, MOST_LINES), ...(place ? [place.trim()] : [])].join("\n");
}

/**
 * @param {string} attributes
 * @param {string} name
 */
function attribute(attributes, name) {
  const value = new RegExp(`(?:^|\\s)${name}="([^"]*)"`).exec(attributes)?.[1];
  return value === undefined ? undefined : decode(value);
}

/** @type {Record<string, string>} */
const ENTITIES = { amp: "&", apos: "'", gt: ">", lt: "<", quot: '"' };

/** @param {string} text */
function decode(text) {
  return text.replace(
    /&(?:#(x?)([0-9a-f]+)|(\w+));/gi,
    (whole, hex, digits, name) =>
      digits ? String.fromCodePoint(parseInt(digits, hex ? 16 : 10)) : ENTITIES[name] ?? whole,
  );
}
