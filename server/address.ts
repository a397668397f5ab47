/** Whether text is a literal IPv4 or IPv6 address. */
export function isAddress(text: string): boolean {
  const quad = /^(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(text);
  if (quad) {
    return quad.slice(1).every((part) => Number(part) <= 255 && String(Number(part)) === part);
  }
  return /^[0-9a-f:.]+$/i.test(text) && text.includes(":") && URL.canParse(`http://[${text}]/`);
}
