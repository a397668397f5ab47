/** What several servers share: a log that all of them append to and all of them read, in one order. */

/** Where an entry stands in the log. */
export interface Position {
  /**
   * Which log this is. Another one means that what was before it is not known to be whole. No log may
   * have one that was another's, also when its process is started again: clients come back with it.
   */
  epoch: string;
  /** The number of the entry: 1 more than that of the one before it. */
  offset: number;
}

/**
 * Why a reader does not know what lay between two entries:
 *
 * - `trimmed`: the log has dropped it, as it was over its size before this reader got there;
 * - `forked`: the log has lost entries that had been read, as after a failover, or a crash;
 * - `gone`: the log is another one: it was deleted, or its server has started again with nothing.
 */
export type LostReason = "trimmed" | "forked" | "gone";

/** Who reads a log. None of the functions may throw. */
export interface BrokerReader {
  /**
   * The next entry. Within one epoch the offsets go up by 1, where {@linkcode BrokerReader.lost} does
   * not say otherwise.
   *
   * @param position Where it stands.
   * @param entry What was appended, or whatever a stranger has put there.
   */
  entry(position: Position, entry: string): void;
  /** What was kept when reading began has been told. Called once. */
  ready(): void;
  /**
   * What lay between the last entry and the next is unknown. Entries may follow that were told
   * before.
   *
   * @param why What has become of it.
   */
  lost(why: LostReason): void;
  /**
   * Whether the log can be read. Called when that changes, and only then: what follows from it begins anew.
   *
   * @param up Whether it can.
   * @param cause Why it cannot.
   */
  state(up: boolean, cause?: unknown): void;
}

/**
 * A log that several servers share. Whoever writes one of their own runs it through the tests of
 * `tests/helpers/broker_contract.ts`.
 */
export interface Broker {
  /**
   * Appends one entry of at most 1 MiB.
   *
   * @param entry Text, with no lone surrogates.
   * @returns Resolves when it is in the log. Rejects where nobody knows whether it is; the same
   * entry may be appended again then.
   */
  append(entry: string): Promise<void>;
  /**
   * Tells what is kept, then all that comes, in order. Mends itself whatever befalls the connection.
   *
   * @param reader Whom to tell.
   * @param signal Ends it.
   * @returns Resolves when it has ended; never rejects. One that ends before `signal` aborts is down.
   */
  read(reader: BrokerReader, signal: AbortSignal): Promise<void>;
  /** Lets go of all connections. Readers end, and what is appended afterwards is refused. */
  close(): Promise<void>;
}

/** The longest entry, in bytes: what NATS takes unless told otherwise. */
export const MAX_ENTRY_BYTES = 1024 * 1024;
