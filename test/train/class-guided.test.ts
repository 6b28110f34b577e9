import { join } from 'node:path';
import { expect, it } from 'vitest';
import { networkOf } from '../../src/model/architecture.js';
import { testDevice } from '../support/gpu.js';
import { leftBy, smallConfig, temporaryFolder, train } from './small-run.js';

const device = await testDevice();
const folder = temporaryFolder();

it('a class-guided network trains otherwise than one that is not, and its model file says that it is one', async () => {
  const plain = smallConfig();
  const guided = { ...plain, model: { ...plain.model, classGuided: true } };
  const [one, other] = [await train(device, join(folder, 'plain')), await train(device, join(folder, 'guided'), { config: guided })];
  const [before, after] = [await leftBy(one.run), await leftBy(other.run)];
  expect(before.model.info).not.toHaveProperty('window');
  expect(before.model.info.config).not.toHaveProperty('classGuided');
  expect(networkOf(after.model, 'model').model.config).toHaveProperty('classGuided', true);
  expect(after.last.model.get('head.0.weight')).not.toEqual(before.last.model.get('head.0.weight'));
  expect(other.lastLoss).toBeGreaterThan(0);
});
