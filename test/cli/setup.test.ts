import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { missingOptional, platformEntry } from '../../scripts/complete-lock.mjs';
import { parseLegs } from '../../scripts/legs.mjs';
import { asCommand, parseIndexTargets, parseOsRelease, planInstall, staleDependency } from '../../scripts/setup.mjs';
import { tally } from '../../scripts/tally.mjs';

const bookworm = parseOsRelease('PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nVERSION_ID="12"\nVERSION_CODENAME=bookworm\nID=debian\n');
const trixie = parseOsRelease('VERSION_ID="13"\nVERSION_CODENAME=trixie\nID=debian\n');
const ubuntu = parseOsRelease('ID=ubuntu\nID_LIKE=debian\nVERSION_ID="24.04"\nVERSION_CODENAME=noble\n');
const mirror = parseIndexTargets(
  'http://mirror.example/debian/|bookworm|main|$(SIGNED_BY)\nhttp://mirror.example/security/|bookworm-security|main|\n',
);
const vulkan = { vulkan: true, chromium: false };
const INSTALL = ['apt-get', 'install', '-y', '--no-install-recommends'];

describe('the set-up of a fresh machine', () => {
  it('adds backports from the configured mirror on Debian 12 and takes Mesa from there', () => {
    expect(planInstall(bookworm, mirror, vulkan)).toEqual({
      steps: [
        {
          write: '/etc/apt/sources.list.d/bookworm-backports.sources',
          content: 'Types: deb\nURIs: http://mirror.example/debian\nSuites: bookworm-backports\nComponents: main\n',
        },
        { run: ['apt-get', 'update'] },
        { run: [...INSTALL, '-t', 'bookworm-backports', 'mesa-vulkan-drivers', 'libvulkan1'] },
      ],
    });
  });

  it('keeps the key of the configured mirror', () => {
    const signed = parseIndexTargets('http://mirror.example/debian/|bookworm|main|/usr/share/keyrings/debian-archive-keyring.gpg\n');
    expect(JSON.stringify(planInstall(bookworm, signed, vulkan))).toContain('Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg');
  });

  it('writes no source where backports are configured already', () => {
    const targets = [...mirror, ...parseIndexTargets('http://mirror.example/debian/|bookworm-backports|main|')];
    const plan = planInstall(bookworm, targets, vulkan);
    expect(plan).toEqual({
      steps: [{ run: ['apt-get', 'update'] }, { run: expect.arrayContaining(['-t', 'bookworm-backports']) as unknown }],
    });
  });

  it.each([
    ['Debian 13', trixie],
    ['Ubuntu 24.04', ubuntu],
  ])('takes the stock Mesa on %s', (_name, os) => {
    expect(planInstall(os, [], vulkan)).toEqual({
      steps: [{ run: ['apt-get', 'update'] }, { run: [...INSTALL, 'mesa-vulkan-drivers', 'libvulkan1'] }],
    });
  });

  it('installs Chromium on Debian and refuses to on Ubuntu, whose package is no package', () => {
    expect(planInstall(trixie, [], { vulkan: false, chromium: true })).toEqual({
      steps: [{ run: ['apt-get', 'update'] }, { run: [...INSTALL, 'chromium'] }],
    });
    expect(planInstall(ubuntu, [], { vulkan: false, chromium: true })).toHaveProperty('problem', expect.stringContaining('MCGPU_CHROMIUM'));
  });

  it.each([
    ['Fedora', 'ID=fedora\nVERSION_ID=42\n', 'neither Debian nor Ubuntu'],
    ['Debian 11', 'ID=debian\nVERSION_ID="11"\n', 'Debian 11 has no Mesa new enough'],
  ])('gives a reason instead of steps on %s', (_name, release, reason) => {
    expect(planInstall(parseOsRelease(release), mirror, vulkan)).toHaveProperty('problem', expect.stringContaining(reason));
  });

  it('prints the same steps as one command for someone without root', () => {
    const plan = planInstall(bookworm, mirror, vulkan);
    expect('steps' in plan && asCommand(plan.steps)).toBe(
      String.raw`printf '%b' 'Types: deb\nURIs: http://mirror.example/debian\nSuites: bookworm-backports\nComponents: main\n' | sudo tee /etc/apt/sources.list.d/bookworm-backports.sources` +
        ' && sudo apt-get update && sudo apt-get install -y --no-install-recommends -t bookworm-backports mesa-vulkan-drivers libvulkan1',
    );
  });
});

describe('npm dependencies', () => {
  const locked = { '': {}, 'node_modules/a': { version: '1.0.0' }, 'node_modules/a-win32': { version: '1.0.0', optional: true } };
  it('are installed where there are none', () => {
    expect(staleDependency(locked, undefined)).toBe('nothing is installed');
  });
  it('are stale when one is missing or of another version', () => {
    expect(staleDependency(locked, {})).toBe('node_modules/a is missing');
    expect(staleDependency(locked, { 'node_modules/a': { version: '0.9.0' } })).toBe('node_modules/a is 0.9.0, expected 1.0.0');
  });
  it('are complete without the optional packages of other platforms', () => {
    expect(staleDependency(locked, { 'node_modules/a': { version: '1.0.0' } })).toBeUndefined();
  });
  it('are all in package-lock.json, for every platform (node scripts/complete-lock.mjs repairs it)', () => {
    const lock = JSON.parse(readFileSync('package-lock.json', 'utf8')) as { packages: Parameters<typeof missingOptional>[0] };
    expect(missingOptional(lock.packages)).toEqual({});
    expect(Object.keys(lock.packages).length).toBeGreaterThan(100);
  });
  it('of a platform are described from their names', () => {
    expect(platformEntry('@deno/linux-arm64-glibc', '2.0.0', true)).toEqual({
      version: '2.0.0',
      cpu: ['arm64'],
      dev: true,
      libc: ['glibc'],
      optional: true,
      os: ['linux'],
    });
    expect(platformEntry('plain', '1.0.0', false)).toBeUndefined();
  });
});

describe('the list of test legs', () => {
  it('is read in any order and refuses an unknown name', () => {
    expect(parseLegs('deno, lavapipe')).toEqual(['lavapipe', 'deno']);
    expect(parseLegs(undefined)).toEqual([]);
    expect(() => parseLegs('lavapip')).toThrow('Unknown test leg "lavapip"');
  });
});

describe('the tally of a CI run', () => {
  const file = (...statuses: string[]): { name: string; status: string; assertionResults: { status: string; fullName: string }[] } => ({
    name: 'a.test.ts',
    status: statuses.includes('failed') ? 'failed' : 'passed',
    assertionResults: statuses.map((status, i) => ({ status, fullName: `test ${i}` })),
  });
  it('adds tests and stages', () => {
    const { passed, failed } = tally({ testResults: [file('passed', 'passed', 'pending')] }, [
      ['tests', 0],
      ['check', 0],
      ['demo', 0],
    ]);
    expect([passed, failed]).toEqual([4, []]);
  });
  it('counts a failed test once, not again as a failed stage', () => {
    expect(
      tally({ testResults: [file('passed', 'failed')] }, [
        ['tests', 1],
        ['check', 2],
      ]),
    ).toEqual({
      passed: 1,
      failed: ['a.test.ts: test 1', 'check: exit code 2'],
    });
  });
  it('counts a crash, a file that does not load and a missing report as failures', () => {
    expect(tally({ testResults: [file('passed')] }, [['tests', 134]]).failed).toEqual(['tests: exit code 134']);
    expect(tally({ testResults: [{ ...file(), status: 'failed' }] }, [['tests', 1]]).failed).toHaveLength(1);
    expect(tally(undefined, [['tests', 0]]).failed).toEqual(['tests: no test ran']);
  });
});
