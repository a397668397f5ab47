/** What must have happened in each attempt, when everything has ended. */

import { LATENCY, MAX_PAYLOAD } from "./program.ts";
import { type Attempt, GOING, LOST, onTheWire, type Seen, TOO_BIG } from "./records.ts";
import type { Simulation } from "./simulation.ts";

type Wrong = (why: string) => void;
interface End {
  code: number;
  reason: string;
}

const same = (a: End, b: End) => a.code === b.code && a.reason === b.reason;
const isBig = (data: string) => data.length > MAX_PAYLOAD;

/** Judges everything; what is wrong is among the simulation's faults then. */
export function checkAtTheEnd(simulation: Simulation): void {
  for (const [nth, attempt] of simulation.attempts.entries()) {
    const wrong: Wrong = (why) =>
      simulation.fault(`attempt ${nth} (client ${attempt.client}): ${why}`);
    judgeOrder(attempt, wrong);
    checkClient(simulation, attempt, wrong);
    checkPeer(simulation, attempt, wrong);
    judgeMessages(attempt, wrong);
  }
  for (const [error, how] of simulation.thrown) {
    if (how === "must") simulation.fault(`a listener's failure is not told: ${error}`);
  }
}

/** open openInfo (message dataEnd)* error? close | error | close */
function judgeOrder({ events, promises, end }: Attempt, wrong: Wrong): void {
  const line = events.map(({ event }) => event).join(" ");
  const right = /^(open openInfo( message dataEnd)*( error)? close|error|close)$/;
  if (!right.test(line)) wrong(`its events are: ${line}`);
  const close = events.find(({ event }) => event === "close");
  const opens = events.some(({ event }) => event === "open");
  const error = events.find(({ event }) => event === "error");
  if (close?.code === 0 || close?.code === undefined && end?.event === "close") wrong("code 0");
  if (close !== undefined && opens && (error !== undefined) !== same(close as End, LOST)) {
    wrong(`'close' ${close.code} and ${error === undefined ? "no " : ""}'error'`);
  }
  if (promises.opened !== opens) wrong(`'opened' became ${promises.opened}`);
  const { closed } = promises;
  const agrees = close === undefined ? closed === false : !!closed && same(closed, close as End);
  if (!agrees) wrong(`'closed' became ${JSON.stringify(closed)}`);
}

function checkClient(simulation: Simulation, attempt: Attempt, wrong: Wrong): void {
  const { asked, events, end, opened, faulty, peer } = attempt;
  const last = events.at(-1);
  if (end === undefined || last === undefined) return;
  if (asked !== undefined) {
    // Whatever happens, it ends as it was asked to.
    if (end.event !== "close" || !same(last as End, asked)) wrong(`asked for ${asked.code}`);
    if (asked.from === "connecting" && opened !== undefined) wrong("opened after it was aborted");
    if (asked.from === "connecting" && end.at !== asked.at) wrong("was aborted, and ended later");
    return;
  }
  if (opened === undefined) return checkFailure(simulation, attempt, last, wrong);
  const { code, reason, at } = last as Seen & End;
  if (same({ code, reason }, LOST)) {
    if (!faulty) wrong("is lost though nothing befell it");
    return;
  }
  const big = attempt.up.sent.some(({ data }) => isBig(data));
  if (big && code === TOO_BIG.code && peer?.close?.code === TOO_BIG.code) return;
  if (peer === undefined) {
    if (!same({ code, reason }, GOING) || !isStopping(simulation, attempt)) {
      wrong(`ended with ${code}`);
    }
    return;
  }
  if (peer.asked === undefined) return wrong(`ended with ${code}, and nobody asked for it`);
  if (!same({ code, reason }, onTheWire(peer.asked))) wrong(`ended with ${code} ${reason}`);
  if (!faulty && at !== peer.asked.at + LATENCY) wrong(`heard of its end at ${at}`);
}

/** Why an attempt failed. */
function checkFailure(simulation: Simulation, attempt: Attempt, last: Seen, wrong: Wrong): void {
  const { at, timeout, faulty, verdict, refused, decided } = attempt;
  const { data, why = "" } = last;
  const tells = `failed with ${data}: ${why}`;
  if (last.event !== "error") return wrong("ended though it never opened");
  if (why.startsWith("timed out after")) {
    if (last.at !== at + timeout) wrong(`${tells} at the wrong time`);
    const waits = verdict === "pending" || (decided ?? 0) + LATENCY >= last.at;
    if (!faulty && !waits && timeout > 2 * LATENCY) wrong(tells);
  } else if (why === "connection refused") {
    const arrival = at + LATENCY;
    const listens = simulation.runs.some(({ port, from, until }) =>
      port === attempt.port && from < arrival && arrival < until
    );
    if (listens && !faulty) wrong(tells);
  } else if (why === "the server's subprotocol is none that was offered") {
    if (attempt.protocol === attempt.spoken) wrong(tells);
  } else if (why === "the connection was reset") {
    if (!faulty && !isStopping(simulation, attempt)) wrong(tells);
  } else {
    const status = refused?.status ?? (verdict === "throw" ? "500" : undefined);
    if (data !== status) wrong(`${tells}, and the server says ${status}`);
    if (!why.endsWith(`HTTP status ${status}`)) wrong(tells);
  }
}

/** Whether the server was about to stop while the attempt was under way. */
function isStopping({ runs }: Simulation, { at, port, end }: Attempt): boolean {
  return runs.some((run) => run.port === port && run.until <= end!.at && run.gone >= at);
}

function checkPeer(simulation: Simulation, attempt: Attempt, wrong: Wrong): void {
  const { peer, faulty, asked, opened, end } = attempt;
  if (peer === undefined) {
    if (opened !== undefined && !isStopping(simulation, attempt)) wrong("opened without 'connect'");
    return;
  }
  if (peer.close === undefined) return wrong("has no 'close' on the server");
  const { close } = peer;
  if (close.code === 0) wrong("code 0 on the server");
  const big = attempt.up.got.length < attempt.up.sent.length &&
    isBig(attempt.up.sent[attempt.up.got.length]!.data);
  if (peer.asked !== undefined) {
    if (!same(close, peer.asked)) wrong(`the server asked for ${peer.asked.code}: ${close.code}`);
    if (close.at !== peer.asked.at) wrong("the server's 'close' is late");
    if (peer.error !== undefined) wrong("the server tells 'error' of what it closed itself");
  } else if (peer.error !== undefined) {
    if (same(close, LOST)) {
      const dropped = asked?.from === "connecting" || end?.event === "error";
      if (!faulty && !dropped) wrong("the server lost it though nothing befell it");
      if (!faulty && close.at > end!.at + LATENCY) wrong("the server heard late that it is gone");
    } else if (!big || !same(close, TOO_BIG)) wrong(`the server's 'close' is ${close.code}`);
    if (close.at !== peer.error) wrong("the server's 'error' and 'close' are apart");
  } else {
    if (asked?.from !== "open") return wrong(`the server's 'close' is ${close.code} for no reason`);
    if (!same(close, onTheWire(asked))) wrong(`the server's 'close' is ${close.code}`);
    if (!faulty && close.at !== asked.at + LATENCY) wrong(`the server heard of it at ${close.at}`);
  }
}

/** Where nothing befell the link, whatever was sent in time came in, and in time. */
function judgeMessages(
  { up, down, faulty, opened, peer, asked, end }: Attempt,
  wrong: Wrong,
): void {
  if (faulty || opened === undefined || peer === undefined) return;
  const leaves = {
    up: Math.min(peer.asked?.at ?? Infinity, peer.close!.at),
    down: Math.min(asked?.at ?? Infinity, end!.at),
  };
  for (const [way, { sent, got }] of Object.entries({ up, down })) {
    for (const [nth, { data, at }] of sent.entries()) {
      const due = Math.max(at, way === "up" ? opened : peer.at) + LATENCY;
      if (way === "up" && isBig(data)) break;
      if (due >= leaves[way as "up" | "down"]) {
        // What comes first and ends it comes in before, even in the same moment.
        if (got[nth] !== undefined && got[nth].at !== due) wrong(`${way} ${nth} at ${got[nth].at}`);
      } else if (got[nth]?.at !== due) {
        wrong(`${way} ${nth}, "${data}", came in at ${got[nth]?.at}, not at ${due}`);
      }
    }
  }
}
