import { describe, expect, it } from 'vitest';
import { escapeHtml, svgPlot, type Plot } from '../../src/evaluate/svg-plot.js';

const plot = (parts: Partial<Plot>): string => svgPlot({ title: 't', xLabel: 'x', yLabel: 'y', xMax: 1, series: [], ...parts });
/** Numbers of the first coloured path. */
const path = (svg: string): string => /<path d="([^"]*)" fill="none" stroke="#0072b2"/.exec(svg)?.[1] ?? 'none';

describe('a plot', () => {
  it('draws lines from corner to corner', () => {
    expect(path(plot({ series: [{ name: 'a', x: [0, 1], y: [0, 1] }] }))).toBe('M46 260L366 28');
  });

  it('keeps the height of a step curve to the end of the axis where the curve goes on beyond', () => {
    expect(path(plot({ xMax: 2, series: [{ name: 'a', style: 'steps', x: [0, 1, 5], y: [0.5, 1, 1] }] }))).toBe('M46 144H206V28H366V28');
  });

  it('leaves out what is not a number, and shows a single point as a dot', () => {
    const svg = plot({ series: [{ name: 'a', x: [NaN, 0.5], y: [0, 0.5] }] });
    expect([path(svg), svg.match(/<circle/g)?.length]).toEqual(['none', 1]);
  });

  it('labels round values only', () => {
    const labels = [...plot({ xMax: 8 }).matchAll(/class="mid">([\d.]+)</g)].map(([, text]) => Number(text));
    expect(labels).toEqual([0, 2, 4, 6, 8]);
  });

  it('names series only where there are several, and escapes names', () => {
    const one = { name: 'a<b', x: [0, 1], y: [0, 1] };
    expect(plot({ series: [one] })).not.toContain('a&#60;b');
    expect(plot({ series: [one, one] }).match(/a&#60;b/g)).toHaveLength(2);
    expect(escapeHtml(`<a href="x">'&'</a>`)).not.toMatch(/[<>"']/);
  });
});
