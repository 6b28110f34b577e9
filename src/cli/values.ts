import { InvalidArgumentError } from 'commander';

/** `--memory-budget`: bytes from `256MB`, `1.5GB` or `262144` (powers of 1024). */
export function parseBytes(text: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*([KMG]?)i?B?$/i.exec(text.trim());
  const scale = { '': 1, K: 2 ** 10, M: 2 ** 20, G: 2 ** 30 }[match?.[2]?.toUpperCase() ?? ''];
  const bytes = Number(match?.[1]) * (scale ?? NaN);
  if (!(bytes > 0)) throw new InvalidArgumentError(`'${text}' is not an amount of memory; write it as 512MB or 2GB.`);
  return bytes;
}

/** A probability, 0 .. 1. */
export function parseProbability(text: string): number {
  const value = text.trim() === '' ? NaN : Number(text);
  if (!(value >= 0 && value <= 1)) throw new InvalidArgumentError(`'${text}' is not a number from 0 to 1.`);
  return value;
}

/** So many per something, above 0. */
export function parseRate(text: string): number {
  const value = text.trim() === '' ? NaN : Number(text);
  if (!(value > 0 && value < Infinity)) throw new InvalidArgumentError(`'${text}' is not a rate; write a number above 0, such as 0.1.`);
  return value;
}

/** A distance in millimetres, above 0. */
export function parseMillimetres(text: string): number {
  const value = text.trim() === '' ? NaN : Number(text);
  if (!(value > 0 && value < Infinity))
    throw new InvalidArgumentError(`'${text}' is not a distance in mm; write a number above 0, such as 0.07.`);
  return value;
}

/** A whole number of at least 1. */
export function parseCount(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text.trim()) || value < 1 || !Number.isSafeInteger(value))
    throw new InvalidArgumentError(`'${text}' is not a whole number of at least 1.`);
  return value;
}

/** A whole number of at least 0. */
export function parseSeed(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text.trim()) || !Number.isSafeInteger(value))
    throw new InvalidArgumentError(`'${text}' is not a whole number of at least 0.`);
  return value;
}

/** Left, top, width and height in pixels. */
export function parseRegion(text: string): { x: number; y: number; width: number; height: number } {
  const parts = text.split(',').map((part) => (/^\d+$/.test(part.trim()) ? Number(part) : NaN));
  const [x = NaN, y = NaN, width = NaN, height = NaN] = parts;
  if (parts.length !== 4 || parts.some(Number.isNaN) || width < 1 || height < 1)
    throw new InvalidArgumentError(`'${text}' is not a region; write left,top,width,height in pixels, such as 900,1200,512,512.`);
  return { x, y, width, height };
}
