/**
 * Who may connect to which host: one at a time. A client that opens several connections to one host and
 * port makes them one after the other (RFC 6455 §4.1, step 2). Not part of the public API.
 */

/** The place of one attempt in the line before its host. */
export interface ConnectTurn {
  /** Whether it may connect now, or had its turn. */
  readonly came: boolean;
  /** The attempt is over, or was given up while it waited: the next one may. May be called again. */
  end(): void;
}

class Turn implements ConnectTurn {
  came = false;
  readonly #host: string;
  readonly #start: () => void;
  #ended = false;

  constructor(host: string, start: () => void) {
    this.#host = host;
    this.#start = start;
  }

  come(): void {
    this.came = true;
    this.#start();
  }

  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    const line = lines.get(this.#host)!;
    line.splice(line.indexOf(this), 1);
    if (line.length === 0) lines.delete(this.#host);
    else if (!line[0]!.came) line[0]!.come();
  }
}

/** Those that connect, each followed by those that wait for it, by host and port. */
const lines = new Map<string, Turn[]>();

/**
 * Takes a turn: `start` is called at once where nobody else connects to the host, else when all that
 * came before are through.
 */
export function takeTurn(host: string, start: () => void): ConnectTurn {
  const turn = new Turn(host, start);
  const line = lines.get(host);
  if (line !== undefined) {
    line.push(turn);
  } else {
    lines.set(host, [turn]);
    turn.come();
  }
  return turn;
}
