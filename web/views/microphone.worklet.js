// Runs on the audio thread: gathers the microphone's first channel into blocks and posts them to the page, with the context's frame
// at which each begins. Nothing is kept and nothing is played.
const BLOCK = 1024;

class Capture extends AudioWorkletProcessor {
  constructor() {
    super();
    this.block = new Float32Array(BLOCK);
    this.filled = 0;
  }

  process([input]) {
    const channel = input[0];
    if (!channel) return true;
    for (let at = 0; at < channel.length; ) {
      const count = Math.min(BLOCK - this.filled, channel.length - at);
      this.block.set(channel.subarray(at, at + count), this.filled);
      this.filled += count;
      at += count;
      if (this.filled < BLOCK) break;
      const end = currentFrame + at;
      this.port.postMessage({ samples: this.block, start: end - BLOCK }, [this.block.buffer]);
      this.block = new Float32Array(BLOCK);
      this.filled = 0;
    }
    return true;
  }
}

registerProcessor("capture", Capture);
