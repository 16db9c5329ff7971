// One stream from us: start, media in real time, stop.
"use strict";

const { ENCODINGS, noise, sha256 } = require("./audio.cjs");

// Sends `options.seconds` of noise as stream `options.tag`, each message when it is due
// counted from the first one, so that no delay adds up.
class Sender {
  constructor(send, done, options) {
    this.send = send;
    this.done = done;
    this.options = {
      tag: "", // "" = the unnamed stream: no key `tag` at all
      encoding: "PCM16",
      seed: "seed",
      seconds: 1,
      milliseconds: [20], // of the messages, one after the other, again and again
      strings: false, // numbers as "12", as older peers write them
      parameters: null,
      parametersAs: "object", // or "string": JSON within JSON
      firstChunk: 0,
      skip: [], // chunks that are counted and not sent, as if lost on the way
      paced: true,
      stop: true,
      ...options,
    };
    const { encoding, seed, seconds } = this.options;
    this.format = ENCODINGS[encoding];
    this.audio = noise(seed, Math.round(seconds * this.format.rate) * this.format.width);
    this.sequence = 0;
    this.chunk = this.options.firstChunk;
    this.at = 0; // bytes sent so far
    this.messages = 0;
    this.late = 0;
    this.timer = null;
  }

  start() {
    const start = {
      mediaFormat: {
        encoding: this.options.encoding,
        sampleRate: this.number(this.format.rate),
      },
    };
    const { parameters, parametersAs } = this.options;
    if (parameters !== null) {
      start.customParameters =
        parametersAs === "string" ? JSON.stringify(parameters) : parameters;
    }
    this.message("start", start);
    this.began = performance.now();
    this.go();
  }

  cancel() {
    clearTimeout(this.timer);
  }

  // All that is due by now, then a timer for what comes next.
  go() {
    for (;;) {
      if (this.at >= this.audio.length) return this.end();
      if (this.options.paced) {
        const late = performance.now() - this.began - this.milliseconds();
        if (late < 0) {
          this.timer = setTimeout(() => this.go(), Math.ceil(-late));
          return undefined;
        }
        this.late = Math.max(this.late, late);
      }
      this.media();
    }
  }

  media() {
    const sizes = this.options.milliseconds;
    const frames = (sizes[this.messages % sizes.length] * this.format.rate) / 1000;
    const piece = this.audio.subarray(this.at, this.at + frames * this.format.width);
    if (!this.options.skip.includes(this.chunk)) {
      this.message("media", {
        chunk: this.number(this.chunk),
        timestamp: this.number(this.at / this.format.width),
        payload: piece.toString("base64"),
      });
    }
    this.chunk += 1;
    this.messages += 1;
    this.at += piece.length;
  }

  end() {
    if (this.options.stop) {
      this.message("stop", {
        mediaInfo: {
          bytesSent: this.number(this.at),
          duration: this.number(Math.floor(this.milliseconds())),
        },
      });
    }
    this.done({
      tag: this.options.tag,
      messages: this.messages,
      bytes: this.at,
      sha256: sha256(this.audio),
      lateMs: Math.round(this.late),
    });
    return undefined;
  }

  milliseconds() {
    return (this.at / this.format.width / this.format.rate) * 1000;
  }

  message(event, body) {
    if (this.options.tag !== "") body = { tag: this.options.tag, ...body };
    const sequenceNumber = this.number(this.sequence);
    this.sequence += 1;
    this.send(JSON.stringify({ event, sequenceNumber, [event]: body }));
  }

  number(value) {
    return this.options.strings ? String(value) : value;
  }
}

module.exports = { Sender };
