/** `TlsProtocol` as the device has it: an enum, the members of which are types, too. */

import { TlsProtocol as Versions } from "../client/types.ts";
import type { TlsProtocol as Version } from "../client/types.ts";

/** Versions of TLS, with the numbers of the OpenHarmony reference. */
export const TlsProtocol: typeof Versions = Versions;

/** A version of TLS. */
export type TlsProtocol = Version;

/** The type of each version. */
export declare namespace TlsProtocol {
  export {};
  /** The type of TLS 1.0. */
  export type TLS_V_1_0 = (typeof Versions)["TLS_V_1_0"];
  /** The type of TLS 1.1. */
  export type TLS_V_1_1 = (typeof Versions)["TLS_V_1_1"];
  /** The type of TLS 1.2. */
  export type TLS_V_1_2 = (typeof Versions)["TLS_V_1_2"];
  /** The type of TLS 1.3. */
  export type TLS_V_1_3 = (typeof Versions)["TLS_V_1_3"];
}
