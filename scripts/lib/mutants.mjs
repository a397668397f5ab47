// @ts-check
/** The faults that can be planted in a source file, one at a time. */
import { createInstrumenter } from "@stryker-mutator/instrumenter";
import { createInjector } from "typed-inject";

/**
 * @typedef {object} Mutant
 * @property {number} line From 1.
 * @property {string} name What kind of fault it is.
 * @property {string} was What stands there.
 * @property {string} is What stands there with the fault.
 * @property {number} start Where it begins in the file.
 * @property {number} end
 */

/** Stryker's parts log by a logger that they are given. */
const SILENT = new Proxy({}, {
  get: (_, name) => () => String(name).startsWith("is") ? false : undefined,
});

/** A statement of one line that is a call, an assignment, or a deletion: it is left out. */
const STATEMENT =
  /^[ ]{4,}((?:void |await |delete )?(?:this|[a-z]\w*)(?:[.?]+#?\w+|\[\w+\])*(?:\(.*\)| (?:\?\?|\+|-)?= .+|\+\+|--)?;)(?: \/\/.*)?$/;

/** A number that is no part of a name, a text or a comment. */
const NUMBER = /(?<![\w.#"'`$]|\| )\d[\d_]*(?:\.\d+)?(?![\w."'`]| \|)/g;

/**
 * All faults for a file: what Stryker's mutators make, statements left out, and numbers that are one more.
 *
 * @param {string} file
 * @param {string} source
 * @returns {Promise<Mutant[]>}
 */
export async function mutantsOf(file, source) {
  const starts = [0];
  for (let at = source.indexOf("\n"); at >= 0; at = source.indexOf("\n", at + 1)) {
    starts.push(at + 1);
  }
  /** @type {Map<string, Mutant>} */
  const found = new Map();
  /** @param {string} name @param {number} start @param {number} end @param {string} is */
  const add = (name, start, end, is) => {
    const was = source.slice(start, end);
    const line = starts.findLastIndex((at) => at <= start) + 1;
    found.set(`${start} ${end} ${is}`, { line, name, was, is, start, end });
  };
  for (const { mutatorName, location, replacement } of await byStryker(file, source)) {
    const { start, end } = location;
    add(
      mutatorName,
      (starts[start.line] ?? 0) + start.column,
      (starts[end.line] ?? 0) + end.column,
      replacement,
    );
  }
  for (const [index, line] of source.split("\n").entries()) {
    const from = starts[index] ?? 0;
    const statement = STATEMENT.exec(line)?.[1];
    if (statement !== undefined && !statement.startsWith("return")) {
      const at = from + line.indexOf(statement);
      add("StatementRemoval", at, at + statement.length, ";");
    }
    if (
      /^\s*(?:\/?\*|\/\/|import|export type|type|declare|(?:static )?readonly \w+: \d|\|)/.test(
        line,
      )
    ) continue;
    const code = line.replace(/\s\/\/.*/, "").replace(
      /(["'`]).*?\1/g,
      (text) => '"'.repeat(text.length),
    );
    for (const { 0: digits, index: column } of code.matchAll(NUMBER)) {
      const number = Number(digits.replaceAll("_", ""));
      add("NumberLiteral", from + column, from + column + digits.length, String(number + 1));
    }
  }
  return [...found.values()].sort((a, b) => a.start - b.start || a.end - b.end);
}

/** @param {string} file @param {string} source */
async function byStryker(file, source) {
  const getLogger = Object.assign(() => () => SILENT, { inject: /** @type {const} */ ([]) });
  const injector = createInjector()
    .provideValue("logger", SILENT)
    .provideFactory("getLogger", getLogger);
  const instrumenter = injector.injectFunction(/** @type {any} */ (createInstrumenter));
  const options = { plugins: null, excludedMutations: [], ignorers: [] };
  const { mutants } = await instrumenter.instrument(
    [{ name: file, content: source, mutate: true }],
    options,
  );
  return mutants;
}
