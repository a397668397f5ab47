/** Validators of the Standard Schema, made by hand. */

import type { StandardSchema, StandardSchemaResult } from "../../mod.ts";

type Answer<T> = StandardSchemaResult<T> | Promise<StandardSchemaResult<T>>;

/** A validator that is a function. */
export function schemaOf<T>(validate: (value: unknown) => Answer<T>): StandardSchema<T> {
  return { "~standard": { version: 1, vendor: "by hand", validate } };
}

/** Accepts numbers, and doubles them. */
const double: StandardSchema<number> = schemaOf((value) =>
  typeof value === "number"
    ? { value: value * 2 }
    : { issues: [{ message: "must be a number" }, { message: "is no number" }] }
);

/** Always fails. */
const throwing: StandardSchema<never> = schemaOf(() => {
  throw new RangeError("out of order");
});

/** Answer too late, each in its way. */
const late: Record<string, StandardSchema> = {
  "a promise": schemaOf((value) => Promise.resolve({ value })),
  "a promise that rejects": schemaOf(() => Promise.reject(new Error("too late"))),
  "a thenable": schemaOf((value) => ({ then: (): unknown => value }) as never),
  "a thenable that calls what it is given": schemaOf((value) => {
    const then = (done: (value: unknown) => void) => queueMicrotask(() => done({ value }));
    return { then } as never;
  }),
};

export const validators: {
  double: StandardSchema<number>;
  throwing: StandardSchema<never>;
  late: Record<string, StandardSchema>;
} = { double, throwing, late };
