import type { CloseResult } from "../client/types.ts";
import { describe } from "./describe.ts";

/**
 * A validator of the Standard Schema, version 1 (standardschema.dev): those of Zod, Valibot, ArkType
 * and others. It must answer at once, not with a promise.
 *
 * @typeParam Output What it makes of what it accepts.
 */
export interface StandardSchema<Output = unknown> {
  /** The standard's properties. */
  readonly "~standard": {
    /** The version of the standard. */
    readonly version: 1;
    /** Who made the validator. */
    readonly vendor: string;
    /** Validates a value. */
    readonly validate: (
      value: unknown,
    ) => StandardSchemaResult<Output> | Promise<StandardSchemaResult<Output>>;
    /** The types, for TypeScript alone. */
    readonly types?: { readonly input: unknown; readonly output: Output } | undefined;
  };
}

/** What a validator says of a value. */
export type StandardSchemaResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly { readonly message: string }[] };

/** Data that was not accepted. */
export interface Unacceptable {
  /** What the peer is told. */
  close: CloseResult;
  /** What is wrong with the data, for people. */
  why: string;
  cause: unknown;
}

/** The codes of RFC 6455 §7.4.1. */
const NO_TEXT: CloseResult = { code: 1003, reason: "Only text is accepted" };
const NO_JSON: CloseResult = { code: 1007, reason: "Not JSON" };
const NOT_VALID: CloseResult = { code: 1008, reason: "Not what is expected" };
const NO_VERDICT: CloseResult = { code: 1011, reason: "Cannot be validated" };

/** Reads a message as JSON and validates it. */
export function parse(
  schema: StandardSchema,
  data: string | ArrayBuffer,
): { value: unknown } | Unacceptable {
  if (typeof data !== "string") return unacceptable(NO_TEXT, "it is binary");
  let value: unknown;
  try {
    value = JSON.parse(data);
  } catch (cause) {
    return unacceptable(NO_JSON, "it is no JSON", cause);
  }
  try {
    const result = schema["~standard"].validate(value);
    if (typeof (result as PromiseLike<unknown>).then === "function") {
      // What becomes of it matters to nobody, and must not end the process.
      (result as PromiseLike<unknown>).then(undefined, () => {});
      return unacceptable(NO_VERDICT, "the validator answers with a promise");
    }
    // Read apart, as programs that are compiled less strictly compile this, too.
    const { issues, value: output } = result as {
      issues?: { message: string }[];
      value?: unknown;
    };
    if (issues === undefined) return { value: output };
    return unacceptable(NOT_VALID, issues.map(({ message }) => message).join("; "), issues);
  } catch (cause) {
    return unacceptable(NO_VERDICT, `the validator failed: ${describe(cause)}`, cause);
  }
}

function unacceptable(
  close: CloseResult,
  why: string,
  cause: unknown = new Error(why),
): Unacceptable {
  return { close, why, cause };
}

/** Whether a value is a validator. */
export function isSchema(value: unknown): value is StandardSchema {
  const inner = (value as StandardSchema | null | undefined)?.["~standard"];
  return inner?.version === 1 && typeof inner.validate === "function";
}
