import { join } from 'node:path';
import { expect, it } from 'vitest';
import { CANARY } from '../data/make-dicom.js';
import { dicom, makeBmcd, makeInbreast, temporaryFolder, write } from '../data/sets/look-alikes.js';
import { runCommand, type CommandResult } from '../support/command-line.js';

const check = (dataset: string, data: string, ...more: string[]): Promise<CommandResult> =>
  runCommand('data', 'check', '--dataset', dataset, '--data', data, ...more);

it('tells what a sound data set holds and ends with code 0', async () => {
  const data = temporaryFolder();
  await makeBmcd(data);
  const { code, stdout } = await check('bmcd', data);
  expect(code).toBe(0);
  expect(stdout).toMatch(/^bmcd: 12 images of 3 patients, 8 marks\nwith microcalcifications 4 \(malignant 2, not 2\), without 8\n/);
  expect(stdout).toContain('no problem found');
  expect(stdout).toContain('Research use only - not a medical device');
});

it('lists everything that is wrong, with code 1 and without patient data', async () => {
  const data = temporaryFolder();
  makeInbreast(data);
  write(data, 'AllDICOMs/20000008_ddd444_MG_R_CC_ANON.dcm', dicom(2));
  write(data, 'AllDICOMs/20000009_ddd444_MG_R_ML_ANON.dcm', dicom(9).subarray(0, 900));
  const { code, stdout } = await check('inbreast', data, '--json');
  expect(code).toBe(1);
  const { problems } = JSON.parse(stdout) as { problems: string[] };
  const has = (text: string | RegExp): void => expect(problems).toContainEqual(expect.stringMatching(text));
  has('20000002: BI-RADS 3 but no AllXML');
  has(/20000001_aaa111_MG_L_CC_ANON.dcm: 1 marks lie outside its 96x80 pixels and will not count/);
  has(/20000008.*: the same file as .*20000002.*; it counts twice/);
  has(/20000009.*It will be left out/);
  has('Regions of unknown names, not used: Scribble.');
  expect(stdout).not.toContain(CANARY.slice(0, 6));
});

it('warns of figures that will be undefined', async () => {
  const data = temporaryFolder();
  write(data, 'a.dcm', dicom(1));
  write(data, 'annotations.csv', 'file,patient,shape,coordinates\na.dcm,p,,\n');
  const { stdout } = await check('folder', data);
  expect(stdout).toContain('No image has microcalcifications: sensitivities and AUCs will be undefined.');
  expect(stdout).toContain('the AUC of malignancy will be undefined');
});

it('refuses a patient in two splits', async () => {
  const data = temporaryFolder();
  for (const file of ['a.dcm', 'b.dcm']) write(data, file, dicom(1));
  write(data, 'annotations.csv', 'file,patient,split,shape,coordinates\na.dcm,p,one,,\nb.dcm,p,two,,\n');
  const { code, stderr } = await check('folder', join(data, '.'));
  expect([code, stderr]).toEqual([1, expect.stringMatching(/a.dcm and b.dcm are of one patient/) as string]);
});
