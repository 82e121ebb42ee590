// Keeps the screen of a phone on while this page's microphone is open: a phone that falls asleep hears nothing.
// Browsers let go of the screen whenever the page is hidden, so it is asked for again when the page is seen.

export class WakeLock {
  constructor() {
    this.wanted = false;
    this.held = null;
    document.addEventListener("visibilitychange", () => this.settle());
  }

  set(wanted) {
    if (wanted === this.wanted) return;
    this.wanted = wanted;
    this.settle();
  }

  async settle() {
    if (!navigator.wakeLock || this.asking) return;
    const missing = this.wanted && !document.hidden && (!this.held || this.held.released);
    if (!missing) return void (this.wanted || this.held?.release());
    this.asking = true;
    try {
      this.held = await navigator.wakeLock.request("screen");
    } catch {
      // The battery is low, or the page was hidden meanwhile: the screen goes off as usual.
      this.held = null;
    }
    this.asking = false;
    if (this.held && !this.wanted) this.held.release();
    else if (this.held?.released) this.settle(); // hidden and seen again while it was asked for
  }
}
