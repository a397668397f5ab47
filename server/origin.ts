/** Whether a web page may connect, by the `Origin` its browser sends (RFC 6455 §10.2). */
export function originAllowed(
  request: Request,
  allowed: "same-host" | "*" | readonly string[],
): boolean {
  const origin = request.headers.get("origin");
  if (origin === null || allowed === "*") return true; // not a browser, or any page
  if (allowed !== "same-host") return allowed.includes(origin);
  const page = URL.canParse(origin) ? hostname(new URL(origin).host) : undefined;
  return page !== undefined && page === hostname(hostOf(request));
}

function hostOf(request: Request): string {
  return request.headers.get("host") ?? new URL(request.url).host;
}

/** A host without its port, spelled as the URL parser does. */
function hostname(host: string): string | undefined {
  return URL.canParse(`http://${host}/`) ? new URL(`http://${host}/`).hostname : undefined;
}
