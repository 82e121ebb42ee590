// Plays what Harry says, reports how far it has sounded, and falls silent at once when it is told to.

const RATE = 24000;
const SOFT = 0.25; // 12 dB down while somebody else may be speaking

export class Loudspeaker {
  /** `heard(item, milliseconds)` is told some ten times a second how far an item has sounded. */
  constructor(heard) {
    this.heard = heard;
    this.loud = 1;
    this.soft = false;
    this.cut = ""; // the response of which nothing more may sound
  }

  /** Browsers let a page sound only once somebody has touched it: called at every touch. */
  async start() {
    this.starting ??= this.make();
    await this.starting;
    if (this.context.state !== "running") await this.context.resume();
  }

  async make() {
    this.context = new AudioContext({ sampleRate: RATE, latencyHint: "interactive" });
    await this.context.audioWorklet.addModule("page/playback.worklet.js");
    this.node = new AudioWorkletNode(this.context, "playback", { numberOfInputs: 0, outputChannelCount: [1] });
    this.node.connect(this.context.destination);
    this.node.port.onmessage = ({ data }) => {
      if (data.item != null && data.played != null) {
        const late = (this.context.outputLatency || 0) * 1000;
        this.heard(data.item, Math.max(0, Math.round((data.played * 1000) / RATE - late)));
      } else this.tap?.(data);
    };
    this.gain();
    if (this.tap) this.node.port.postMessage({ tap: true });
  }

  /** Queue a block: base64 of 16-bit samples. */
  play(response, item, delta) {
    if (!this.node || this.context.state !== "running" || response === this.cut) return;
    const bytes = Uint8Array.from(atob(delta), (each) => each.charCodeAt(0));
    const samples = Float32Array.from(new Int16Array(bytes.buffer), (each) => each / 32768);
    this.node.port.postMessage({ play: samples, item }, [samples.buffer]);
  }

  /** Throw away what has not sounded. After a pause the same response may come again, from `milliseconds` on. */
  flush({ item_id: item, response_id: response, audio_ms: milliseconds, reason }) {
    if (reason === "cut") this.cut = response;
    this.node?.port.postMessage({ flush: true, item, played: Math.round((milliseconds * RATE) / 1000) });
  }

  duck(soft) {
    this.soft = soft;
    this.gain();
  }

  volume(loud) {
    this.loud = loud;
    this.gain();
  }

  gain() {
    this.node?.port.postMessage({ gain: this.loud * (this.soft ? SOFT : 1) });
  }
}
