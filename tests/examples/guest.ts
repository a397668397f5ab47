/** Somebody in a chat. */

import { createWebSocket, type WebSocketClient } from "../../mod.ts";
import { EventLog, within } from "../helpers/client.ts";

/** What a chat tells. */
export interface ChatEvent {
  type: string;
  you?: string;
  name?: string;
  text?: string;
  names?: string[];
}

/** Somebody in the chat, with what they were told. */
export class Guest implements AsyncDisposable {
  readonly ws: WebSocketClient = createWebSocket();
  readonly log: EventLog = new EventLog(this.ws);

  static async join(port: number, name: string, id?: string): Promise<Guest> {
    const guest = new Guest();
    await within(guest.ws.connect(urlFor(port, name, id)));
    await within(guest.ws.opened);
    await guest.told(({ type }) => type === "people");
    await guest.told(({ type, name }) => type === "joined" && name === guest.welcome.you);
    return guest;
  }

  get events(): ChatEvent[] {
    return this.log.messages.map((data) => JSON.parse(String(data)));
  }

  /** What they were told at first. */
  get welcome(): ChatEvent {
    return this.events[0]!;
  }

  say(text: string): Promise<boolean> {
    return within(this.ws.send(text));
  }

  /** The first such event since they came, or since the nth event, once there is one. */
  async told(is: (event: ChatEvent) => unknown, nth = 1): Promise<ChatEvent> {
    for (;; nth++) {
      const [, data] = await this.log.next("message", nth);
      const event = JSON.parse(String(data)) as ChatEvent;
      if (is(event)) return event;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.ws[Symbol.asyncDispose]();
  }
}

/** The address of a chat, for somebody of that name; `id` says who it is over several connections. */
export function urlFor(port: number, name: string, id?: string): string {
  return `ws://127.0.0.1:${port}/?${new URLSearchParams({ name, ...(id && { id }) })}`;
}

/** An event in a few words. */
export const brief = ({ type, name, text }: ChatEvent) =>
  [type, name, text].filter(Boolean).join(" ");
