import type { CloseResult } from "../client/types.ts";
import { CANNOT_VALIDATE, NOT_EXPECTED, NOT_JSON, NOT_TEXT } from "./close_codes.ts";
import { describe, quoteAll } from "./describe.ts";
import { isThenable } from "./listeners.ts";
import type { Incoming } from "./payload.ts";

/**
 * A validator of the Standard Schema, version 1 (standardschema.dev): those of Zod, Valibot, ArkType
 * and others. It must answer at once, not with a promise.
 *
 * @typeParam Output The value that it makes of what it accepts.
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

/** What a validator answers. */
export type StandardSchemaResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly { readonly message: string }[] };

/** Why data was not accepted. */
export interface Unacceptable {
  /** The code and reason for the peer. */
  close: CloseResult;
  /** What is wrong with the data, for people. */
  why: string;
  cause: unknown;
}

/** Reads a message as JSON and validates it. */
export function parse(
  schema: StandardSchema,
  data: Incoming,
): { value: unknown } | Unacceptable {
  if (typeof data !== "string") return unacceptable(NOT_TEXT, "it is binary");
  let value: unknown;
  try {
    value = JSON.parse(data);
  } catch (cause) {
    return unacceptable(NOT_JSON, "it is no JSON", cause);
  }
  try {
    const result = schema["~standard"].validate(value);
    if (isThenable(result)) {
      Promise.resolve(result).catch(() => {}); // nobody waits for it
      return unacceptable(CANNOT_VALIDATE, "the validator answers with a promise");
    }
    // Typed anew, as programs with less strict compiler options compile this file, too.
    const { issues, value: output } = result as {
      issues?: { message: string }[];
      value?: unknown;
    };
    if (issues === undefined) {
      // One that answers `true`, or nothing of either, has not said what it makes of the message.
      if (!("value" in (result as object))) throw new TypeError("it has answered with no value");
      return { value: output };
    }
    const texts = issues.map(({ message }) => String(message));
    return unacceptable(NOT_EXPECTED, quoteAll(texts), issues);
  } catch (cause) {
    return unacceptable(CANNOT_VALIDATE, `the validator failed: ${describe(cause)}`, cause);
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
