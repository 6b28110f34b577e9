import type { FrocImage } from '../../src/evaluate/froc.js';
import type { Golden } from '../support/golden.js';

/** The rows of a golden FROC case by image, with their places in the file. */
export function frocImages(golden: Golden): { images: FrocImage[]; candidates: number[][]; marks: number[][] } {
  const count = Number(golden.params.images);
  const rows = (name: string, width: number): number[][] => {
    const flat = golden.f32(name);
    return Array.from({ length: flat.length / width }, (_, i) => [...flat.subarray(i * width, (i + 1) * width)]);
  };
  const [candidateRows, markRows] = [rows('in.candidates', 4), rows('in.annotations', 3)];
  const byImage = (all: number[][]): number[][] =>
    Array.from({ length: count }, (_, image) => all.flatMap((row, i) => (row[0] === image ? [i] : [])));
  const [candidates, marks] = [byImage(candidateRows), byImage(markRows)];
  const images = candidates.map((indices, image) => ({
    detections: indices.map((i) => ({ x: candidateRows[i]?.[1] ?? 0, y: candidateRows[i]?.[2] ?? 0, score: candidateRows[i]?.[3] ?? 0 })),
    marks: (marks[image] ?? []).map((j) => ({ x: markRows[j]?.[1] ?? 0, y: markRows[j]?.[2] ?? 0 })),
  }));
  return { images, candidates, marks };
}
