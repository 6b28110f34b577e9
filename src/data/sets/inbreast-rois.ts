// Annotations of INbreast: one OsiriX property list per image (Moreira et al., Acad Radiol 19:236, 2012, doi:10.1016/j.acra.2011.09.014).
import { parse } from 'fast-plist';
import { z } from 'zod';
import { UserError } from '../../errors.js';
import type { Point, Shape } from '../shapes.js';

/** What a region is, by its name in the files, which vary in spelling and case. */
export type RoiKind = 'calcification' | 'cluster' | 'other' | 'unknown';

const KINDS: Readonly<Record<string, RoiKind>> = {
  calcification: 'calcification',
  calcifications: 'calcification',
  unnamed: 'calcification',
  'point 1': 'calcification',
  'point 3': 'calcification',
  cluster: 'cluster',
  mass: 'other',
  'spiculated region': 'other',
  'espiculated region': 'other',
  distortion: 'other',
  asymmetry: 'other',
  assymetry: 'other',
};

export interface Roi {
  /** As in the file. */
  readonly name: string;
  readonly kind: RoiKind;
  /** A point where the file gives one or two, which enclose nothing; else a polygon. */
  readonly shape: Shape;
}

const roiSchema = z.object({ Name: z.string(), Point_px: z.array(z.string()).optional() });
const listSchema = z.object({ Images: z.array(z.object({ ROIs: z.array(z.unknown()).optional() })).min(1) });

/** @throws UserError where the text is no such list */
export function parseInbreastRois(xml: string): Roi[] {
  const { data: list } = listSchema.safeParse(parsePlist(xml));
  if (!list)
    throw new UserError("the property list has no 'Images', expected an OsiriX export of regions. Take the file from INbreast again.");
  return list.Images.flatMap((image) => image.ROIs ?? []).flatMap((entry, i) => roiOf(entry, i + 1));
}

function parsePlist(xml: string): unknown {
  if (!xml.includes('<plist')) throw new UserError('this is no XML property list. Take the file from INbreast again.');
  const damaged = new UserError('the XML is damaged or cut off. Copy the file again.');
  // The parser takes a list that ends early for a shorter one.
  if (!xml.trimEnd().endsWith('</plist>')) throw damaged;
  try {
    return parse(xml) as unknown;
  } catch {
    throw damaged;
  }
}

function roiOf(entry: unknown, number: number): Roi[] {
  const { data: roi } = roiSchema.safeParse(entry);
  if (!roi) throw new UserError(`region ${number} has no Name, expected Name and Point_px. Take the file from INbreast again.`);
  const points = (roi.Point_px ?? []).map((text) => parsePoint(text, number));
  if (points.length === 0) return [];
  const kind = KINDS[roi.Name.trim().toLowerCase()] ?? 'unknown';
  return [{ name: roi.Name.trim(), kind, shape: points.length < 3 ? pointBetween(points) : { kind: 'polygon', points } }];
}

/** `(x, y)`, x the column. */
function parsePoint(text: string, number: number): Point {
  const match = /^\s*\(\s*(-?[\d.]+(?:e[+-]?\d+)?)\s*,\s*(-?[\d.]+(?:e[+-]?\d+)?)\s*\)\s*$/i.exec(text);
  const [x, y] = [Number(match?.[1]), Number(match?.[2])];
  if (!Number.isFinite(x) || !Number.isFinite(y))
    throw new UserError(`region ${number}: a point is not of the form '(x, y)'. Take the file from INbreast again.`);
  return [x, y];
}

function pointBetween(points: readonly Point[]): Shape {
  const mean = (axis: 0 | 1): number => points.reduce((sum, point) => sum + point[axis], 0) / points.length;
  return { kind: 'point', at: [mean(0), mean(1)] };
}
