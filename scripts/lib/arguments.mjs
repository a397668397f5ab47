// @ts-check
/** What a command was given: each says what it takes where it was given something else. */
import process from "node:process";

/** The arguments of this process. Deno's tasks pass on the `--` before them. */
export const given = process.argv.slice(2).filter((arg) => arg !== "--");

/** @param {string} arg */
export function isPort(arg) {
  return /^\d+$/.test(arg) && Number(arg) <= 65535;
}

/** @param {string} arg */
export function isCount(arg) {
  return /^[1-9]\d*$/.test(arg);
}

/**
 * Ends this process unless what it was given is right.
 *
 * @param {boolean} isRight
 * @param {string} usage The command, with what it takes.
 */
export function check(isRight, usage) {
  if (isRight) return;
  console.error(`Say it so: ${usage}`);
  process.exit(1);
}
