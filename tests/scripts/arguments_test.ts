/** What the commands of package.json say where they are given something that they do not take. */

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { HERE, Program } from "../helpers/programs.ts";

describe("a command", () => {
  const cluster = "demo:cluster [redis | nats | memory] [port]";
  const kill = "cluster:kill [redis | nats] [runs] [resume]";
  const cases: [script: string, args: string[], usage: string][] = [
    ["demo_cluster", ["reddis"], cluster],
    ["demo_cluster", ["memory", "65536"], cluster],
    ["demo_page", ["chat", "abc"], "demo:chat [port] [redis://…]"],
    ["demo_page", ["dashboard", "8080", "localhost"], "demo:dashboard [port] [redis://…]"],
    ["cluster_kill", ["kafka"], kill],
    ["cluster_kill", ["nats", "0"], kill],
    ["cluster_kill", ["nats", "2", "resumed"], kill],
    ["cluster_model", ["many"], "cluster:model [programs] [seed]"],
    ["cluster_model", ["1", "-1"], "cluster:model [programs] [seed]"],
    ["rounds", ["0"], "rounds [rounds] [runners]"],
    ["rounds", ["50", "12", "1"], "rounds [rounds] [runners]"],
  ];
  for (const [script, args, usage] of cases) {
    it(`says what it takes: ${script} ${args.join(" ")}`, async () => {
      const { code, stdout, stderr } = await Program.run(HERE, `scripts/${script}.mjs`, { args })
        .ended;
      assertEquals([code, stdout, stderr], [1, "", `Say it so: ${usage}\n`]);
    });
  }
});
