/** Random programs for nodes that share a log in memory. */

import fc from "fast-check";

/** One step of a program. Nodes are counted among those that are there. */
export type ClusterStep =
  | { op: "publish"; node: number; topic: number; except: boolean; bytes: boolean; count: number }
  | { op: "join" | "leave"; node: number; topic: number; id: number }
  | { op: "cut off"; node: number; id: number }
  | { op: "wait"; ms: number }
  | { op: "fail"; faults: ("refused" | "lost answer" | "held")[] }
  | { op: "release"; isIn: boolean }
  | { op: "down" | "up" | "empty" | "start" }
  | { op: "hold" | "free" | "unlink" | "crash" | "goodbye"; node: number }
  | { op: "slow" | "stale" | "gap"; node: number; count: number }
  | { op: "trim" | "cut"; count: number };

/** A program. */
export interface ClusterProgram {
  nodes: number;
  steps: ClusterStep[];
}

const node = fc.nat(4);
const topic = fc.constantFrom(0, 0, 0, 1, 2);
const step: fc.Arbitrary<ClusterStep> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      op: fc.constant("publish" as const),
      node,
      topic,
      except: fc.boolean(),
      bytes: fc.boolean(),
      count: fc.constantFrom(1, 1, 2, 5),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      op: fc.constantFrom("join" as const, "join" as const, "leave" as const),
      node,
      topic,
      id: fc.nat(3),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ op: fc.constant("cut off" as const), node, id: fc.nat(3) }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      op: fc.constant("wait" as const),
      ms: fc.constantFrom(0, 0, 1, 20, 60, 500, 2000, 6000, 6000),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      op: fc.constant("fail" as const),
      faults: fc.array(
        fc.constantFrom("refused" as const, "lost answer" as const, "held" as const),
        {
          minLength: 1,
          maxLength: 3,
        },
      ),
    }),
  },
  { weight: 2, arbitrary: fc.record({ op: fc.constant("release" as const), isIn: fc.boolean() }) },
  {
    weight: 3,
    arbitrary: fc.record({
      op: fc.constantFrom(
        "down" as const,
        "up" as const,
        "up" as const,
        "empty" as const,
        "start" as const,
      ),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      op: fc.constantFrom(
        "hold" as const,
        "free" as const,
        "free" as const,
        "unlink" as const,
        "crash" as const,
        "goodbye" as const,
      ),
      node,
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      op: fc.constantFrom("slow" as const, "stale" as const, "gap" as const, "gap" as const),
      node,
      count: fc.nat(3),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      op: fc.constantFrom("trim" as const, "cut" as const),
      count: fc.nat(6),
    }),
  },
);

/** Any program. */
export const clusterProgram: fc.Arbitrary<ClusterProgram> = fc.record({
  nodes: fc.integer({ min: 1, max: 3 }),
  steps: fc.array(step, { maxLength: 60, size: "large" }),
});
