// The audio both ends know: what the protocol says of the encodings, and noise that
// either end can make again from a seed, in whatever language.
"use strict";

const { createHash } = require("node:crypto");

// Protocol file, 2.6: the rate, and the bytes of one sample.
const ENCODINGS = {
  PCM8: { rate: 8000, width: 2 },
  PCM16: { rate: 16000, width: 2 },
  ULAW: { rate: 8000, width: 1 },
  ALAW: { rate: 8000, width: 1 },
};

// So many bytes that look random and are the same for the same seed everywhere.
function noise(seed, size) {
  return createHash("shake256", { outputLength: size }).update(seed).digest();
}

function sha256(data) {
  return createHash("sha256").update(data).digest("hex");
}

module.exports = { ENCODINGS, noise, sha256 };
