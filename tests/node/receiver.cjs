// All streams to us on one connection, held against the letter of the protocol.
"use strict";

const { createHash } = require("node:crypto");
const { ENCODINGS } = require("./audio.cjs");

const EVENTS = ["start", "media", "stop"];
const MS_20 = 0.02;
// How often a stream's progress is told, in bytes.
const PROGRESS = 16000;
// What each object may hold; anything else is a field nobody has heard of.
const FIELDS = {
  start: ["tag", "mediaFormat", "customParameters"],
  media: ["tag", "chunk", "timestamp", "payload"],
  stop: ["tag", "mediaInfo"],
  mediaFormat: ["encoding", "sampleRate", "channels"],
  mediaInfo: ["bytesSent", "duration"],
};
// JSON.parse makes 1 of 1.0 and of 1e0; the text shows what was written.
const NUMBERS =
  /"(sequenceNumber|chunk|timestamp|sampleRate|channels|bytesSent|duration)"\s*:\s*([^,}\s]+)/g;

class Receiver {
  // report(what, fields): "started", "heard", "stopped", "problem", "text".
  constructor(report) {
    this.report = report;
    this.open = new Map();
  }

  take(text) {
    let message = null;
    try {
      message = JSON.parse(text);
    } catch {
      // a plain text then
    }
    if (message === null || !EVENTS.includes(message.event)) {
      this.report("text", { text });
      return;
    }
    const body = message[message.event];
    if (body === null || typeof body !== "object") {
      this.problem("", `${message.event} without its object`);
      return;
    }
    const tag = body.tag ?? "";
    if (typeof tag !== "string") this.problem("", "a tag that is no string");
    this.fields(tag, message, ["event", "sequenceNumber", message.event]);
    this.fields(tag, body, FIELDS[message.event]);
    for (const [, name, value] of text.matchAll(NUMBERS)) {
      if (!/^(0|[1-9][0-9]*)$/.test(value)) this.problem(tag, `${name} is ${value}`);
    }
    this[message.event](tag, body, message.sequenceNumber);
  }

  // The connection is over: what is still open was never stopped.
  close() {
    for (const [tag, stream] of this.open) {
      this.problem(tag, "no stop before the close");
      this.report("stopped", this.summary(tag, stream));
    }
    this.open.clear();
  }

  start(tag, body, sequence) {
    if (this.open.has(tag)) this.problem(tag, "start of a stream that is open");
    if (sequence !== 0) this.problem(tag, `start has sequenceNumber ${sequence}`);
    const { encoding, sampleRate, channels } = body.mediaFormat ?? {};
    this.fields(tag, body.mediaFormat ?? {}, FIELDS.mediaFormat);
    const format = ENCODINGS[encoding];
    if (format === undefined || format.rate !== sampleRate) {
      this.problem(tag, `format ${encoding} at ${sampleRate}`);
      return;
    }
    if (channels !== undefined && channels !== 1) this.problem(tag, `${channels} channels`);
    const custom = body.customParameters;
    this.open.set(tag, {
      encoding,
      format,
      sequence: 0,
      chunk: null,
      samples: 0,
      messages: 0,
      short: 0, // messages of less than 20 ms
      hash: createHash("sha256"),
      parameters: typeof custom === "string" ? JSON.parse(custom) : (custom ?? null),
      parametersAs: custom === undefined ? null : typeof custom,
      began: performance.now(),
      last: performance.now(),
      gapMs: 0,
    });
    this.report("started", {
      tag,
      encoding,
      sampleRate,
      parameters: this.open.get(tag).parameters,
      parametersAs: this.open.get(tag).parametersAs,
    });
  }

  media(tag, body, sequence) {
    const stream = this.open.get(tag);
    if (stream === undefined) {
      this.problem(tag, "media without start");
      return;
    }
    this.counts(tag, stream, sequence);
    const { chunk, timestamp, payload } = body;
    const first = stream.chunk === null;
    if (first ? chunk !== 0 && chunk !== 1 : chunk !== stream.chunk + 1) {
      this.problem(tag, `chunk ${chunk} after ${stream.chunk}`);
    }
    stream.chunk = chunk;
    if (timestamp !== stream.samples) {
      this.problem(tag, `timestamp ${timestamp} at ${stream.samples}`);
    }
    const data = Buffer.from(String(payload), "base64");
    if (data.length === 0 || data.toString("base64") !== payload) {
      this.problem(tag, "payload is not strict base64");
    }
    const whole = MS_20 * stream.format.rate * stream.format.width;
    if (stream.short > 0) this.problem(tag, "media after a short one");
    if (data.length > whole || data.length % stream.format.width !== 0) {
      this.problem(tag, `${data.length} bytes in place of ${whole}`);
    }
    if (data.length < whole) stream.short += 1; // only a stop may follow
    const now = performance.now();
    stream.gapMs = Math.max(stream.gapMs, now - stream.last);
    stream.last = now;
    stream.messages += 1;
    stream.samples += data.length / stream.format.width;
    stream.hash.update(data);
    const bytes = stream.samples * stream.format.width;
    if (bytes % PROGRESS < data.length) this.report("heard", { tag, bytes });
  }

  stop(tag, body, sequence) {
    const stream = this.open.get(tag);
    if (stream === undefined) {
      this.problem(tag, "stop without start");
      return;
    }
    this.counts(tag, stream, sequence);
    const { bytesSent, duration } = body.mediaInfo ?? {};
    this.fields(tag, body.mediaInfo ?? {}, FIELDS.mediaInfo);
    const bytes = stream.samples * stream.format.width;
    if (bytesSent !== bytes) this.problem(tag, `bytesSent ${bytesSent} of ${bytes}`);
    const exact = (stream.samples * 1000) / stream.format.rate;
    if (!Number.isInteger(duration) || Math.abs(duration - exact) >= 1) {
      this.problem(tag, `duration ${duration} in place of ${exact}`);
    }
    this.open.delete(tag);
    this.report("stopped", { ...this.summary(tag, stream), bytesSent, duration });
  }

  summary(tag, stream) {
    return {
      tag,
      encoding: stream.encoding,
      messages: stream.messages,
      short: stream.short,
      bytes: stream.samples * stream.format.width,
      sha256: stream.hash.digest("hex"),
      tookMs: Math.round(stream.last - stream.began),
      gapMs: Math.round(stream.gapMs),
    };
  }

  counts(tag, stream, sequence) {
    stream.sequence += 1;
    if (sequence !== stream.sequence) {
      this.problem(tag, `sequenceNumber ${sequence} in place of ${stream.sequence}`);
      stream.sequence = sequence;
    }
  }

  fields(tag, object, known) {
    for (const name of Object.keys(object)) {
      if (!known.includes(name)) this.problem(tag, `a field ${name}`);
    }
  }

  problem(tag, text) {
    this.report("problem", { tag, text });
  }
}

module.exports = { Receiver };
