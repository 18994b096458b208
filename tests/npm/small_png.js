// A screenshot (PNG, 8 bits a channel, not interlaced) as a PNG with a palette of 256 colours: a third of the size, and
// for text on flat colours the same to the eye. The same bytes for the same pixels.
"use strict";

const zlib = require("node:zlib");

const SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
const CRC = Uint32Array.from({ length: 256 }, (_, byte) => {
  for (let bit = 0; bit < 8; bit++) byte = byte & 1 ? 0xedb88320 ^ (byte >>> 1) : byte >>> 1;
  return byte;
});

function chunks(png) {
  const found = { IDAT: [] };
  for (let at = SIGNATURE.length; at < png.length; ) {
    const size = png.readUInt32BE(at), kind = png.toString("latin1", at + 4, at + 8);
    const data = png.subarray(at + 8, at + 8 + size);
    if (kind === "IDAT") found.IDAT.push(data);
    else found[kind] = data;
    at += size + 12;
  }
  return found;
}

function chunk(kind, data) {
  const body = Buffer.concat([Buffer.from(kind, "latin1"), data]);
  const ends = Buffer.alloc(8);
  ends.writeUInt32BE(data.length, 0);
  ends.writeUInt32BE((body.reduce((crc, byte) => CRC[(crc ^ byte) & 255] ^ (crc >>> 8), -1) ^ -1) >>> 0, 4);
  return Buffer.concat([ends.subarray(0, 4), body, ends.subarray(4)]);
}

function nearest(left, up, corner) {
  const [a, b, c] = [Math.abs(up - corner), Math.abs(left - corner), Math.abs(left + up - 2 * corner)];
  return a <= b && a <= c ? left : b <= c ? up : corner;
}

// The pixels' bytes, line by line, without the filters that a PNG keeps them with.
function unfiltered(raw, height, stride, step) {
  const out = Buffer.alloc(height * stride);
  for (let y = 0; y < height; y++) {
    const filter = raw[y * (stride + 1)], from = y * (stride + 1) + 1, to = y * stride;
    for (let x = 0; x < stride; x++) {
      const left = x < step ? 0 : out[to + x - step];
      const up = y ? out[to + x - stride] : 0;
      const corner = y && x >= step ? out[to + x - stride - step] : 0;
      const guess = [0, left, up, (left + up) >> 1, nearest(left, up, corner)][filter];
      out[to + x] = raw[from + x] + guess;
    }
  }
  return out;
}

// The palette, and each pixel's place in it; colours are made coarser until 256 are enough.
function indexed(pixels, step) {
  for (let bits = 0; ; bits++) {
    const round = (value) => Math.min(255, ((value + ((1 << bits) >> 1)) >> bits) << bits);
    const places = new Map(), indices = Buffer.alloc(pixels.length / step);
    for (let at = 0, place = 0; at < pixels.length && places.size <= 256; at += step, place++) {
      const colour = (round(pixels[at]) << 16) | (round(pixels[at + 1]) << 8) | round(pixels[at + 2]);
      if (!places.has(colour)) places.set(colour, places.size);
      indices[place] = places.get(colour);
    }
    if (places.size <= 256) return { palette: [...places.keys()], indices };
  }
}

function smallPng(png) {
  const { IHDR, IDAT } = chunks(png);
  const width = IHDR.readUInt32BE(0), height = IHDR.readUInt32BE(4), step = { 2: 3, 6: 4 }[IHDR[9]];
  if (IHDR[8] !== 8 || !step || IHDR[12] !== 0) throw new Error("no PNG of 8 bits a channel");
  const pixels = unfiltered(zlib.inflateSync(Buffer.concat(IDAT)), height, width * step, step);
  const { palette, indices } = indexed(pixels, step);
  const lines = Buffer.alloc(height * (width + 1));
  for (let y = 0; y < height; y++) indices.copy(lines, y * (width + 1) + 1, y * width, (y + 1) * width);
  const header = Buffer.from(IHDR);
  header[9] = 3;
  const colours = Buffer.from(palette.flatMap((colour) => [colour >> 16, (colour >> 8) & 255, colour & 255]));
  const data = zlib.deflateSync(lines, { level: 9, memLevel: 9 });
  return Buffer.concat([SIGNATURE, chunk("IHDR", header), chunk("PLTE", colours), chunk("IDAT", data), chunk("IEND", Buffer.alloc(0))]);
}

module.exports = { smallPng };
