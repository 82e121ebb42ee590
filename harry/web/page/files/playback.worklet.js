// Harry's voice, sample by sample, in the audio thread. A flush takes effect before the next 128 samples.

const REPORT = 2400; // samples between two reports of how far it has played: 100 ms

class Playback extends AudioWorkletProcessor {
  constructor() {
    super();
    this.queue = [];
    this.at = 0; // samples of the first chunk that were played
    this.item = "";
    this.played = 0; // samples of the item that were played
    this.unreported = 0;
    this.gain = this.wanted = 1;
    this.tapped = false;
    this.port.onmessage = ({ data }) => this.take(data);
  }

  take(data) {
    if (data.play) this.queue.push(data);
    if (data.flush) {
      this.queue = [];
      this.at = 0;
      if (data.item === this.item && data.played != null) this.played = data.played;
      this.port.postMessage({ flushed: currentFrame });
    }
    if (data.gain != null) this.wanted = data.gain;
    if (data.tap) this.tapped = true;
  }

  process(_, [[out]]) {
    let filled = 0;
    while (filled < out.length && this.queue.length) {
      const { play, item } = this.queue[0];
      if (item !== this.item) {
        this.report();
        this.item = item;
        this.played = 0;
      }
      const count = Math.min(out.length - filled, play.length - this.at);
      for (let i = 0; i < count; i++) {
        this.gain += (this.wanted - this.gain) * 0.01; // some 4 ms, without a click
        out[filled + i] = play[this.at + i] * this.gain;
      }
      filled += count;
      this.at += count;
      this.played += count;
      this.unreported += count;
      if (this.at === play.length) {
        this.queue.shift();
        this.at = 0;
      }
    }
    if (this.unreported >= REPORT || (this.unreported && !this.queue.length)) this.report();
    if (this.tapped && filled) this.port.postMessage({ tap: out.slice(0, filled), item: this.item, frame: currentFrame });
    return true;
  }

  report() {
    if (this.unreported) this.port.postMessage({ item: this.item, played: this.played });
    this.unreported = 0;
  }
}

registerProcessor("playback", Playback);
