// The conversation's websocket: it comes back by itself, and takes the conversation up again where it broke.

import { get } from "./api.js";

const SHORTEST = 300, LONGEST = 8000; // milliseconds between two attempts

export class Link {
  /** `on(event)` takes every event of Harry's; `changed(state, why)` is told "open", "lost" or "refused". */
  constructor(on, changed) {
    this.on = on;
    this.changed = changed;
    this.word = "";
    this.wait = SHORTEST;
    addEventListener("online", () => this.again(0));
    document.addEventListener("visibilitychange", () => document.hidden || (this.timer && this.again(0)));
  }

  connect() {
    const address = new URL("v1/realtime?model=harry&harry=1&elsewhere=1", document.baseURI);
    address.protocol = location.protocol === "https:" ? "wss:" : "ws:";
    if (this.word) address.searchParams.set("resume", this.word);
    const socket = (this.socket = new WebSocket(address, "realtime"));
    let stood = false;
    socket.onmessage = (message) => {
      const event = JSON.parse(message.data);
      if (event.type === "session.created") {
        stood = true;
        this.wait = SHORTEST;
        this.word = event.session.harry.resume;
        this.changed("open", event.session.harry);
      }
      this.on(event);
    };
    socket.onclose = () => socket === this.socket && this.lost(stood);
  }

  get open() {
    return this.socket?.readyState === WebSocket.OPEN;
  }

  send(event) {
    if (this.open) this.socket.send(JSON.stringify(event));
    return this.open;
  }

  /** Bytes that the network has not taken yet: sound is not worth waiting for. */
  get behind() {
    return this.socket?.bufferedAmount ?? 0;
  }

  async lost(stood) {
    let state = "lost", why = "The connection to Harry is lost. Trying again.";
    try {
      const status = await get("/api/status");
      if (!stood) this.word = ""; // Harry is there, and knows no such conversation any more
      if (!status.free && !this.word) why = "Harry holds as many conversations as he may. End another one.";
      else why = "The conversation broke off. Trying again.";
    } catch (refused) {
      if (refused.status === 401 || refused.status === 403) {
        state = "refused";
        why = "This browser is not let in any more. On Harry's computer, `harry token page` prints an address that opens this page again.";
      }
    }
    this.changed(state, why);
    if (state === "lost") this.again(this.wait * (0.5 + Math.random() / 2));
    this.wait = Math.min(this.wait * 2, LONGEST);
  }

  again(after) {
    if (this.socket && this.socket.readyState <= WebSocket.OPEN) return;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      this.timer = 0;
      this.connect();
    }, after);
  }
}
