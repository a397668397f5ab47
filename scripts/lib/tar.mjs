// @ts-check
/** Tarballs, as far as npm's have need of it (POSIX.1-1988, "ustar"). */
import { Buffer } from "node:buffer";
import { gunzipSync, gzipSync } from "node:zlib";

const BLOCK = 512;

/** Where a header has its fields: the offset, and how long it is. */
const FIELDS = {
  name: [0, 100],
  size: [124, 12],
  checksum: [148, 8],
  type: [156, 1],
  prefix: [345, 155],
};

/**
 * @typedef {object} Entry
 * @property {Buffer} header
 * @property {Buffer} data
 */

/**
 * The files of a tarball, by path.
 *
 * @param {Uint8Array} tgz
 * @returns {Map<string, string>}
 */
export function readTarball(tgz) {
  return new Map(
    entries(tgz).filter(isFile).map((entry) => [pathOf(entry), entry.data.toString("utf8")]),
  );
}

/**
 * A tarball with other text in one of its files. The same input makes the same bytes.
 *
 * @param {Uint8Array} tgz
 * @param {string} path
 * @param {string} text
 * @returns {Buffer}
 */
export function replaceInTarball(tgz, path, text) {
  const all = entries(tgz);
  const entry = all.find((entry) => isFile(entry) && pathOf(entry) === path);
  if (entry === undefined) throw new Error(`The tarball has no "${path}"`);
  entry.data = Buffer.from(text);
  write(entry.header, "size", entry.data.length.toString(8).padStart(11, "0"));
  // The sum is made with its own field full of blanks.
  write(entry.header, "checksum", " ".repeat(8));
  const sum = entry.header.reduce((sum, byte) => sum + byte, 0);
  write(entry.header, "checksum", `${sum.toString(8).padStart(6, "0")}\0 `);
  const end = Buffer.alloc(2 * BLOCK);
  return gzipSync(Buffer.concat([...all.flatMap(padded), end]), { level: 9 });
}

/**
 * @param {Uint8Array} tgz
 * @returns {Entry[]}
 */
function entries(tgz) {
  const tar = gunzipSync(tgz);
  const found = [];
  for (let at = 0; at < tar.length && tar[at] !== 0;) {
    const header = Buffer.from(tar.subarray(at, at + BLOCK));
    const size = parseInt(read(header, "size"), 8);
    found.push({ header, data: tar.subarray(at + BLOCK, at + BLOCK + size) });
    at += BLOCK + Math.ceil(size / BLOCK) * BLOCK;
  }
  return found;
}

/** @param {Entry} entry */
function padded({ header, data }) {
  return [header, data, Buffer.alloc((BLOCK - data.length % BLOCK) % BLOCK)];
}

/** @param {Entry} entry */
function isFile({ header }) {
  return ["", "0"].includes(read(header, "type"));
}

/** @param {Entry} entry */
function pathOf({ header }) {
  return [read(header, "prefix"), read(header, "name")].filter(Boolean).join("/");
}

/**
 * @param {Buffer} header
 * @param {keyof typeof FIELDS} field
 */
function read(header, field) {
  const [start = 0, length = 0] = FIELDS[field];
  return header.toString("latin1", start, start + length).split("\0")[0]?.trim() ?? "";
}

/**
 * @param {Buffer} header
 * @param {keyof typeof FIELDS} field
 * @param {string} text
 */
function write(header, field, text) {
  const [start = 0, length = 0] = FIELDS[field];
  header.write(text.padEnd(length, "\0"), start, length, "latin1");
}
