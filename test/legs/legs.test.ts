import { beforeAll, describe, expect, it } from 'vitest';
import { findLeg, LEGS, parseLegs, type Leg } from '../../scripts/legs.mjs';
import { bundlePortable, inChromium, inDeno, inNode } from './hosts.js';
import type { PortableResult } from './portable.js';

const required = parseLegs(process.env.MCGPU_REQUIRE);
const place = { lavapipe: findLeg.lavapipe(), swiftshader: findLeg.swiftshader(), deno: findLeg.deno(), chromium: findLeg.chromium() };
const runLeg: Record<Leg, (bundle: string) => Promise<PortableResult>> = {
  lavapipe: (bundle) => inNode(bundle, place.lavapipe),
  swiftshader: (bundle) => inNode(bundle, place.swiftshader),
  deno: (bundle) => inDeno(bundle, place.lavapipe),
  chromium: inChromium,
};
const ADAPTER: Record<Leg, RegExp> = { lavapipe: /llvmpipe/, swiftshader: /SwiftShader/, deno: /./, chromium: /./ };

describe('ten training steps', () => {
  let bundle = '';
  let expected: PortableResult;
  beforeAll(async () => {
    bundle = await bundlePortable();
    expected = await inNode(bundle, place.lavapipe);
  });

  for (const leg of LEGS) {
    const present = place[leg] !== undefined;
    it.runIf(present || required.includes(leg))(`run on ${leg} with the same losses within 1e-3`, async () => {
      expect(present, `${leg} is required by MCGPU_REQUIRE and absent; node scripts/setup.mjs --require ${leg} installs it`).toBe(true);
      const result = await runLeg[leg](bundle);
      expect(result.adapter).toMatch(ADAPTER[leg]);
      expect(result.miscomputed).toEqual([]);
      expect(result.losses).toHaveLength(10);
      const deviations = result.losses.map((loss, i) => Math.abs(loss / expected.losses[i]! - 1));
      console.log(
        `${leg}: ${result.adapter}: losses ${result.losses[0]} ... ${result.losses[9]}, worst deviation ${Math.max(...deviations)}`,
      );
      // One driver repeats itself to the bit.
      for (const deviation of deviations) expect(deviation).toBeLessThanOrEqual(leg === 'lavapipe' ? 0 : 1e-3);
    });
  }
});
