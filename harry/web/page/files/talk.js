// The large button. A tap opens and shuts the microphone; whoever holds it talks until he lets go. Space does the same.

const HELD = 350; // milliseconds from which a press is a hold

export class TalkButton {
  /** `tap()`, `down()` and `up()` are called; `up` only after `down`, when the press was a hold. */
  constructor(button, { tap, down, up }) {
    Object.assign(this, { button, tap, down, up, timer: 0, holding: false });
    button.addEventListener("pointerdown", (event) => {
      if (event.button) return;
      button.setPointerCapture(event.pointerId);
      this.press();
    });
    button.addEventListener("pointerup", () => this.release());
    button.addEventListener("pointercancel", () => this.leave());
    button.addEventListener("contextmenu", (event) => event.preventDefault());
    button.addEventListener("click", (event) => event.detail || this.tap()); // a screen reader's press is a click alone
    addEventListener("keydown", (event) => this.key(event, true));
    addEventListener("keyup", (event) => this.key(event, false));
    addEventListener("blur", () => this.leave());
  }

  key(event, down) {
    const at = event.target;
    const elsewhere = at !== this.button && at.closest?.("input, textarea, select, button, summary, a, pre, main > :not(#talk)");
    if (elsewhere || !(event.key === " " || (event.key === "Enter" && at === this.button))) return;
    event.preventDefault(); // no scrolling, and no click of the browser's own
    if (!down) this.release();
    else if (!event.repeat) this.press();
  }

  press() {
    if (this.timer || this.holding) return;
    this.timer = setTimeout(() => {
      this.timer = 0;
      this.holding = true;
      this.down();
    }, HELD);
  }

  release() {
    if (this.timer) {
      this.forget();
      this.tap();
    } else if (this.holding) this.leave();
  }

  leave() {
    this.forget();
    if (!this.holding) return;
    this.holding = false;
    this.up();
  }

  forget() {
    clearTimeout(this.timer);
    this.timer = 0;
  }
}
