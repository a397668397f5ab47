import { UNIX } from "../runtime/unix.ts";
import type { HttpRequestInfo } from "./config_types.ts";

/** The address of a client, under the names that servers of other libraries use. */
export class RequestInfo implements HttpRequestInfo {
  readonly clientIP: string;
  readonly clientPort: number;

  constructor(ip: string, port: number) {
    this.clientIP = ip;
    this.clientPort = port;
  }

  get remoteAddr(): HttpRequestInfo["remoteAddr"] {
    const transport = this.clientIP === UNIX ? "unix" : "tcp";
    return { transport, hostname: this.clientIP, port: this.clientPort };
  }

  requestIP(): ReturnType<HttpRequestInfo["requestIP"]> {
    const family = this.clientIP.includes(":") ? "IPv6" : "IPv4";
    return { address: this.clientIP, family, port: this.clientPort };
  }

  /** Puts the address where srvx puts it, as h3 reads it there. */
  markOn(request: Request): this {
    Object.defineProperty(request, "ip", { value: this.clientIP, configurable: true });
    return this;
  }
}
