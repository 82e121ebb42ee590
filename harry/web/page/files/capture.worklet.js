// The microphone, brought to 24,000 Hz by a windowed sinc, in blocks of 20 ms of 16-bit samples.

const RATE = 24000, BLOCK = 480, REACH = 16;

class Capture extends AudioWorkletProcessor {
  constructor() {
    super();
    this.step = sampleRate / RATE;
    this.cutoff = Math.min(1, 1 / this.step) * 0.92;
    this.held = new Float32Array(0);
    this.at = REACH; // where in `held` the next sample lies
    this.block = new Int16Array(BLOCK);
    this.filled = 0;
    this.power = 0;
  }

  process([[input]]) {
    if (!input) return true;
    const held = new Float32Array(this.held.length + input.length);
    held.set(this.held);
    held.set(input, this.held.length);
    while (this.at + REACH + 1 < held.length) {
      this.put(this.sample(held, this.at));
      this.at += this.step;
    }
    const keep = Math.floor(this.at) - REACH;
    this.held = held.slice(keep);
    this.at -= keep;
    return true;
  }

  sample(held, at) {
    if (this.step === 1) return held[Math.round(at)];
    const middle = Math.floor(at);
    let sum = 0;
    for (let i = middle - REACH + 1; i <= middle + REACH; i++) {
      const away = at - i, x = Math.PI * away * this.cutoff;
      const window = 0.5 + 0.5 * Math.cos((Math.PI * away) / (REACH + 1));
      sum += held[i] * this.cutoff * window * (Math.abs(x) < 1e-6 ? 1 : Math.sin(x) / x);
    }
    return sum;
  }

  put(sample) {
    const clipped = Math.max(-1, Math.min(1, sample));
    this.power += clipped * clipped;
    this.block[this.filled++] = clipped * 32767;
    if (this.filled < BLOCK) return;
    this.port.postMessage({ pcm: this.block, level: Math.sqrt(this.power / BLOCK) }, [this.block.buffer]);
    this.block = new Int16Array(BLOCK);
    this.filled = this.power = 0;
  }
}

registerProcessor("capture", Capture);
