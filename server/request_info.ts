import type { HttpRequestInfo } from "./config_types.ts";

/** Who asks, in the shapes that other modules know. */
export class RequestInfo implements HttpRequestInfo {
  readonly clientIP: string;
  readonly clientPort: number;

  constructor(ip: string, port: number) {
    this.clientIP = ip;
    this.clientPort = port;
  }

  get remoteAddr(): HttpRequestInfo["remoteAddr"] {
    return { transport: "tcp", hostname: this.clientIP, port: this.clientPort };
  }

  requestIP(): ReturnType<HttpRequestInfo["requestIP"]> {
    const family = this.clientIP.includes(":") ? "IPv6" : "IPv4";
    return { address: this.clientIP, family, port: this.clientPort };
  }

  /** Puts the address where srvx has it, and so h3 looks for it. */
  markOn(request: Request): this {
    Object.defineProperty(request, "ip", { value: this.clientIP, configurable: true });
    return this;
  }
}
