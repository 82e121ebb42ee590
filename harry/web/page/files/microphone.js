// The microphone with the browser's echo cancellation. What it cannot do is said in a sentence.

const TROUBLE = {
  NotAllowedError: "The browser has blocked the microphone. Allow it beside the address, then press the button again.",
  NotFoundError: "There is no microphone. Connect one, then press the button again.",
  NotReadableError: "Another program holds the microphone. Close it there, then press the button again.",
  InsecureContext: "This page came over an insecure address, so the browser gives it no microphone. Open it on Harry's own computer at 127.0.0.1, or give Harry a certificate (web.certificate).",
};

const trouble = (name, why) => new Error(`${TROUBLE[name] ?? `The microphone cannot be opened: ${why}.`} You can write meanwhile.`);

export class Microphone {
  /** `hear(base64, level)` takes 20 ms of 16-bit sound at 24,000 Hz; level is 0 to 1. `ended` tells that it went away. */
  constructor(hear, ended) {
    this.hear = hear;
    this.ended = ended;
  }

  get open() {
    return Boolean(this.stream);
  }

  /** Open it. Throws an Error whose message is for people. */
  async start() {
    if (!isSecureContext || !navigator.mediaDevices) throw trouble("InsecureContext");
    let stream;
    try {
      stream = await navigator.mediaDevices.getUserMedia({
        audio: { echoCancellation: true, noiseSuppression: true, autoGainControl: true, channelCount: 1 },
      });
    } catch (error) {
      throw trouble(error.name, error.message);
    }
    this.stream = stream;
    stream.getAudioTracks()[0].onended = () => {
      this.stop();
      this.ended("The microphone went away. Press the button when it is back.");
    };
    this.context = new AudioContext({ latencyHint: "interactive" });
    await this.context.audioWorklet.addModule("page/capture.worklet.js");
    const source = this.context.createMediaStreamSource(stream);
    const node = new AudioWorkletNode(this.context, "capture", { numberOfOutputs: 0, channelCount: 1, channelCountMode: "explicit" });
    node.port.onmessage = ({ data }) => {
      if (this.stream) this.hear(btoa(String.fromCharCode(...new Uint8Array(data.pcm.buffer))), data.level);
    };
    source.connect(node);
    if (this.stream !== stream) return; // it was closed meanwhile
    await this.context.resume();
  }

  stop() {
    this.stream?.getTracks().forEach((track) => {
      track.onended = null;
      track.stop();
    });
    this.stream = null;
    this.context?.close();
    this.context = null;
  }
}
