/**
 * Peaks of a probability map and the basin of each: every pixel belongs to the peak that steepest ascent leads to, and a peak
 * that does not stand out is taken over by its higher neighbour.
 *
 * All maps lie on a grid with a border of one pixel, so that no neighbour has to be checked: index = (y + 1) * stride + x + 1.
 */
export interface Basins {
  readonly stride: number;
  /** p on the bordered grid; 0 in the border, below the floor and outside the mask. */
  readonly p: Float32Array;
  /** Basin of each pixel, 0 = none. */
  readonly label: Int32Array;
  /** Index of the peak of each basin; basins are numbered from 1 by descending peak, equal peaks by index. */
  readonly peak: Uint32Array;
  /** Per basin the one that stands for it: itself, or the higher one that took it over. */
  readonly root: Int32Array;
}

export interface BasinRules {
  /** Two peaks at most this far apart (px) are one. */
  readonly suppressPx: number;
  /** A peak that stands out by less than `prominence` of its height is part of a higher one at most this far away (px). */
  readonly absorbPx: number;
  readonly prominence: number;
}

/** Stable order by descending value (positive floats sort like their bits; radix sort in two passes of 16 bits). */
function descending(values: Float32Array): Uint32Array {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  let from = new Uint32Array(values.length);
  for (let i = 0; i < from.length; i++) from[i] = i;
  let to = new Uint32Array(values.length);
  for (const shift of [0, 16]) {
    const start = new Uint32Array(65537);
    const key = (i: number): number => 65535 - (((bits[i] ?? 0) >>> shift) & 65535);
    for (const i of from) start[key(i) + 1] = (start[key(i) + 1] ?? 0) + 1;
    for (let k = 1; k < start.length; k++) start[k] = (start[k] ?? 0) + (start[k - 1] ?? 0);
    for (const i of from) {
      const at = start[key(i)] ?? 0;
      to[at] = i;
      start[key(i)] = at + 1;
    }
    [from, to] = [to, from];
  }
  return from;
}

/** Index of the highest of a pixel and its 8 neighbours; of equals the first, so that a plateau leads to one of its pixels. */
function ascend(p: Float32Array, stride: number, i: number): number {
  let best = i;
  let top = p[i] ?? 0;
  for (let n = i - stride - 1; n <= i + stride - 1; n += stride)
    for (let m = n; m < n + 3; m++) {
      const value = p[m] ?? 0;
      if (value > top || (value === top && m < best)) {
        top = value;
        best = m;
      }
    }
  return best;
}

/** Where steepest ascent leads from each pixel with p > 0 in one step (itself at a peak), 0 elsewhere. */
function ascents(p: Float32Array, stride: number): Int32Array {
  const up = new Int32Array(p.length);
  for (let i = 0; i < p.length; i++) if ((p[i] ?? 0) > 0) up[i] = ascend(p, stride, i);
  return up;
}

function peaksByHeight(p: Float32Array, up: Int32Array): Uint32Array {
  const peaks: number[] = [];
  for (let i = 1; i < up.length; i++) if (up[i] === i) peaks.push(i);
  const order = descending(Float32Array.from(peaks, (i) => p[i] ?? 0));
  const peak = new Uint32Array(peaks.length + 1);
  for (const [n, k] of order.entries()) peak[n + 1] = peaks[k] ?? 0;
  return peak;
}

/** Labels every pixel by following the ascents to the first labelled pixel and coming back. */
function labelBasins(up: Int32Array, peak: Uint32Array): Int32Array {
  const label = new Int32Array(up.length);
  for (let l = 1; l < peak.length; l++) label[peak[l] ?? 0] = l;
  for (let i = 0; i < up.length; i++) {
    if (up[i] === 0 || label[i] !== 0) continue;
    let end = i;
    while (label[end] === 0) end = up[end] ?? 0;
    const l = label[end] ?? 0;
    for (let k = i; label[k] === 0; k = up[k] ?? 0) label[k] = l;
  }
  return label;
}

/**
 * Pairs of adjacent pixels of two basins that may turn out to be one; `saddle` = the lower of the two pixels. On a map without
 * order these are more than there are pixels, so they lie in typed arrays of the exact size.
 */
interface Passes {
  readonly a: Int32Array;
  readonly b: Int32Array;
  readonly saddle: Float32Array;
}

class BasinForest {
  readonly root: Int32Array;

  constructor(
    private readonly p: Float32Array,
    private readonly stride: number,
    private readonly peak: Uint32Array,
    private readonly rules: BasinRules,
  ) {
    this.root = Int32Array.from(peak, (_, l) => l);
  }

  find(label: number): number {
    let r = label;
    while (this.root[r] !== r) r = this.root[r] ?? 0;
    for (let l = label; l !== r;) {
      const next = this.root[l] ?? r;
      this.root[l] = r;
      l = next;
    }
    return r;
  }

  private distance2(a: number, b: number): number {
    const [i, j] = [this.peak[a] ?? 0, this.peak[b] ?? 0];
    const [rowI, rowJ] = [Math.floor(i / this.stride), Math.floor(j / this.stride)];
    const dx = i - rowI * this.stride - (j - rowJ * this.stride);
    return dx * dx + (rowI - rowJ) ** 2;
  }

  isProminent(lower: number, saddle: number): boolean {
    return saddle < (1 - this.rules.prominence) * (this.p[this.peak[lower] ?? 0] ?? 0);
  }

  areSuppressed(a: number, b: number): boolean {
    return this.distance2(a, b) <= this.rules.suppressPx ** 2;
  }

  /** Takes the lower of two basins over if it is part of the higher one (the smaller number). */
  meet(a: number, b: number, saddle: number): void {
    const [ra, rb] = [this.find(a), this.find(b)];
    if (ra === rb) return;
    const [higher, lower] = [Math.min(ra, rb), Math.max(ra, rb)];
    const isPart = !this.isProminent(lower, saddle) && this.distance2(higher, lower) <= this.rules.absorbPx ** 2;
    if (isPart || this.areSuppressed(higher, lower)) this.root[lower] = higher;
  }

  /** Points every basin straight at its root. */
  flatten(): Int32Array {
    for (let l = 1; l < this.root.length; l++) this.find(l);
    return this.root;
  }
}

/** What the passes are read from. */
interface Landscape {
  readonly p: Float32Array;
  readonly stride: number;
  readonly label: Int32Array;
  readonly forest: BasinForest;
}

/** Visits all passes that can matter: a root is never lower than its members, so a prominent member stays prominent. */
function eachOpenPass({ p, stride, label, forest }: Landscape, visit: (a: number, b: number, saddle: number) => void): void {
  const forward = [1, stride - 1, stride, stride + 1];
  for (let i = 0; i < p.length; i++) {
    const a = label[i] ?? 0;
    if (a === 0) continue;
    for (let k = 0; k < 4; k++) {
      const j = i + (forward[k] ?? 0);
      const b = label[j] ?? 0;
      if (b === 0 || b === a) continue;
      const saddle = Math.min(p[i] ?? 0, p[j] ?? 0);
      if (!forest.isProminent(Math.max(a, b), saddle) || forest.areSuppressed(a, b)) visit(a, b, saddle);
    }
  }
}

function openPasses(landscape: Landscape): Passes {
  let count = 0;
  eachOpenPass(landscape, () => count++);
  const passes: Passes = { a: new Int32Array(count), b: new Int32Array(count), saddle: new Float32Array(count) };
  let n = 0;
  eachOpenPass(landscape, (a, b, saddle) => {
    passes.a[n] = a;
    passes.b[n] = b;
    passes.saddle[n++] = saddle;
  });
  return passes;
}

/**
 * @param p bordered map, see {@link Basins}
 * @param stride its width, border included
 */
export function findBasins(p: Float32Array, stride: number, rules: BasinRules): Basins {
  const up = ascents(p, stride);
  const peak = peaksByHeight(p, up);
  const label = labelBasins(up, peak);
  const forest = new BasinForest(p, stride, peak, rules);
  const passes = openPasses({ p, stride, label, forest });
  // Highest pass first: where the water would join first when the map is flooded from the top.
  for (const k of descending(passes.saddle)) forest.meet(passes.a[k] ?? 0, passes.b[k] ?? 0, passes.saddle[k] ?? 0);
  return { stride, p, label, peak, root: forest.flatten() };
}
