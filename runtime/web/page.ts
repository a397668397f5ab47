/** Where this program's page is, if it has one: what relative URLs are relative to. */
export function pageUrl(): string | undefined {
  return (globalThis as { location?: { href?: string } }).location?.href;
}
