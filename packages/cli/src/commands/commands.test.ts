import { execFile, execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { MAX_BUCKETS } from '@nfqlb/core/maglev';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';

// The program as a user runs it, bundled from these sources into a folder beside dist, where it finds the addon.
const root = new URL('../../', import.meta.url).pathname;
const SHM = `nfqlb-test-${process.pid}`;
const PATH = `/dev/shm/${SHM}`;
const ok = { status: 0, stdout: '', stderr: '' };
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(root, 'build-'));
  execFileSync(process.execPath, ['../../scripts/bundle.mjs', 'src/nfqlb.ts', `--outdir=${folder}`], { cwd: root });
});
afterAll(() => rmSync(folder, { recursive: true }));
afterEach(() => rmSync(PATH, { force: true }));

function nfqlb(...args: string[]): { status: number | null; stdout: string; stderr: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(folder, 'nfqlb.js'), ...args], { encoding: 'utf8' });
  return { status, stdout, stderr };
}

/** The output of `show`, which begins with the lines of C nfqlb. */
function shown(): string {
  return nfqlb('show', `--shm=${SHM}`).stdout;
}

describe('a table', () => {
  test('init, activate, show, deactivate, delete', () => {
    expect(nfqlb('init', `--shm=${SHM}`, '--M=1000', '--permutation=nfqlb')).toEqual({
      ...ok,
      stdout: 'M adjusted; 1000 -> 997\n',
    });
    expect(nfqlb('activate', `--shm=${SHM}`, '101', '102', '103', '104')).toEqual(ok);
    // The golden table of C nfqlb for these commands.
    expect(shown().split('\n').slice(0, 5)).toEqual([
      `Shm: ${SHM}`,
      '  Fw: own=0',
      '  Maglev: M=997, N=32',
      '   Lookup: 2 0 0 2 2 1 0 1 0 0 1 2 3 1 2 1 3 0 2 0 3 0 2 3 2...',
      '   Active: 101(0) 102(1) 103(2) 104(3)',
    ]);
    expect(nfqlb('deactivate', `--shm=${SHM}`, '102', '999')).toEqual(ok);
    expect(shown()).toContain('   Active: 101(0) 103(2) 104(3)\n   Share: 101=33.40% 103=33.30% 104=33.30%\n');
    expect(nfqlb('delete', `--shm=${SHM}`)).toEqual(ok);
    expect(nfqlb('delete', `--shm=${SHM}`)).toEqual(ok);
  });

  test('by slots, with weights; activating an active target changes nothing', () => {
    nfqlb('init', `--shm=${SHM}`, '--M=97', '--N=4', '--ownfw=7');
    expect(nfqlb('activate', '--index=2', `--shm=${SHM}`, '--weight=3', '105')).toEqual(ok);
    expect(nfqlb('activate', `--shm=${SHM}`, '101')).toEqual(ok);
    const before = readFileSync(PATH);
    expect(nfqlb('activate', `--shm=${SHM}`, '101')).toEqual(ok);
    expect(readFileSync(PATH).equals(before)).toBe(true);
    expect(shown()).toContain('Fw: own=7');
    expect(shown()).toContain('   Active: 101(0) 105(2)\n   Share: 101=24.74% 105=75.26% (weight 3)\n');
    expect(nfqlb('deactivate', '--index', '2', `--shm=${SHM}`)).toEqual(ok);
    expect(shown()).toContain('   Active: 101(0)\n');
    const json = JSON.parse(nfqlb('show', '--json', `--shm=${SHM}`).stdout);
    expect(json).toMatchObject({ shm: SHM, ownFwmark: 7, M: 97, N: 4, permutation: 'fwmark' });
    expect(json.targets).toEqual([{ fwmark: 101, slot: 0, weight: 1, buckets: 97 }]);
    expect(json.lookup).toEqual(new Array(97).fill(0));
  });

  test('with a drain: for the table, for a change, and for a target that has died', { timeout: 120_000 }, () => {
    const inShow = (): string[] =>
      shown()
        .split('\n')
        .filter((line) => /Drain|transition/.test(line))
        .map((line) => line.trim().replace(/\d+ s left/, 'some time left'));
    expect(nfqlb('init', `--shm=${SHM}`, '--drain=30')).toEqual(ok);
    expect(nfqlb('activate', `--shm=${SHM}`, '101', '102')).toEqual(ok);
    expect(inShow()).toEqual(['Drain: 30 s']);
    expect(nfqlb('deactivate', `--shm=${SHM}`, '102')).toEqual(ok);
    expect(inShow()).toEqual(['Drain: 30 s', 'Draining: 102', 'In transition: 498 of 997 buckets, some time left']);
    expect(JSON.parse(nfqlb('show', '--json', `--shm=${SHM}`).stdout)).toMatchObject({ drain: 30, draining: [102], inTransition: 498 });
    const port = Array.from({ length: 20 }, (_, i) => String(4711 + i)).find((sport) => explained(sport).includes('former fwmark 102'));
    expect(explained(port!)).toMatch(
      /note {5}targets change: for \d+ s, connections of this bucket that begin now go to fwmark 101, others to fwmark 102,/,
    );
    expect(nfqlb('deactivate', `--shm=${SHM}`, '--drain=0', '102')).toEqual(ok);
    expect(inShow()).toEqual(['Drain: 30 s']);
    expect(nfqlb('init', `--shm=${SHM}`, '--if-absent', '--drain=60')).toEqual(ok);
    expect(inShow()).toEqual(['Drain: 60 s']);
    expect(nfqlb('activate', `--shm=${SHM}`, '--drain=1d', '103').stderr).toContain('--drain=1d: must be a whole number from 0 to 86400');

    function explained(sport: string): string {
      const packet = ['--src=10.0.0.2', '--dst=10.0.0.1', '--proto=tcp', `--sport=${sport}`, '--dport=80'];
      return nfqlb('explain', `--tshm=${SHM}`, ...packet).stdout;
    }
  });

  test('with a hash key: shown as such, the key never; another key is noticed', () => {
    const key = join(folder, 'hash.key');
    const hash = `--hash=siphash:${key}`;
    writeFileSync(key, '0123456789abcdef\n');
    expect(nfqlb('init', `--shm=${SHM}`, hash)).toEqual(ok);
    expect(shown()).toContain('   Hash: siphash\n');
    const json = nfqlb('show', '--json', `--shm=${SHM}`).stdout;
    expect(JSON.parse(json)).toMatchObject({ hash: 'siphash' });
    expect(json).not.toMatch(/hashKey|19088743|1234567/);
    expect(nfqlb('init', `--shm=${SHM}`, '--if-absent', hash)).toEqual(ok);
    writeFileSync(key, 'fedcba9876543210');
    const kept = `nfqlb init: warning: ${SHM} exists and was kept: it has`;
    expect(nfqlb('init', `--shm=${SHM}`, '--if-absent', hash).stderr).toBe(`${kept} another hash key\n`);
    expect(nfqlb('init', `--shm=${SHM}`, '--if-absent').stderr).toBe(
      `${kept} --M=997 --N=32 --ownfw=0 --permutation=fwmark --hash=siphash\n`,
    );
    expect(nfqlb('init', `--shm=${SHM}`)).toEqual(ok);
    expect(JSON.parse(nfqlb('show', '--json', `--shm=${SHM}`).stdout)).toMatchObject({ hash: 'djb2' });
  });

  test('replaced by init: a warning lists its targets; with --if-absent an existing one is kept', () => {
    expect(nfqlb('init', `--shm=${SHM}`, '--if-absent', '--M=97', '--N=4')).toEqual(ok);
    expect(nfqlb('activate', `--shm=${SHM}`, '101', '102')).toEqual(ok);
    const before = readFileSync(PATH);
    expect(nfqlb('init', `--shm=${SHM}`, '--if-absent', '--M=97', '--N=4')).toEqual(ok);
    expect(nfqlb('init', `--shm=${SHM}`, '--if-absent', '--M=97')).toEqual({
      ...ok,
      stderr: `nfqlb init: warning: ${SHM} exists and was kept: it has --M=97 --N=4 --ownfw=0 --permutation=fwmark\n`,
    });
    expect(readFileSync(PATH).equals(before)).toBe(true);
    expect(nfqlb('init', `--shm=${SHM}`, '--M=97')).toEqual({
      ...ok,
      stderr: `nfqlb init: warning: ${SHM}: 2 targets were active (101 102); packets are dropped until you activate targets (init --if-absent keeps a table)\n`,
    });
    expect(nfqlb('init', `--shm=${SHM}`, '--M=97')).toEqual(ok);
    truncateSync(PATH, 10);
    expect(nfqlb('init', `--shm=${SHM}`, '--if-absent').stderr).toMatch(/^nfqlb init: .*it begins with 16 octets, 10 are there\n$/);
    expect(nfqlb('init', `--shm=${SHM}`)).toEqual(ok);
  });

  test('warns that a target with weight 0 gets no traffic', () => {
    nfqlb('init', `--shm=${SHM}`, '--M=97', '--N=4');
    nfqlb('activate', `--shm=${SHM}`, '101');
    const { status, stderr } = nfqlb('activate', `--shm=${SHM}`, '--weight=0', '102');
    expect([status, stderr]).toEqual([0, expect.stringMatching(/^nfqlb activate: warning: with --weight=0 .*\n$/)]);
    expect(shown()).toContain('Share: 101=100.00% 102=0.00% (weight 0)');
  });

  test('concurrent writers wait for each other and lose no changes', async () => {
    nfqlb('init', `--shm=${SHM}`);
    const program = join(folder, 'nfqlb.js');
    const commands = Array.from({ length: 12 }, (_, i) => `"${process.execPath}" "${program}" activate --shm=${SHM} ${201 + i} &`).join(
      '\n',
    );
    execFileSync('sh', ['-c', `${commands}\nwait`]);
    const { targets } = JSON.parse(nfqlb('show', '--json', `--shm=${SHM}`).stdout) as { targets: { fwmark: number; buckets: number }[] };
    expect(targets.map(({ fwmark }) => fwmark).sort()).toEqual(Array.from({ length: 12 }, (_, i) => 201 + i));
    for (const { buckets } of targets) expect(Math.abs(buckets - 997 / 12)).toBeLessThan(1);
  });
});

describe('the log level', () => {
  const NAME = `${SHM}-trace`;
  const CONFIG = `/dev/shm/${NAME}`;
  /** The layout of C nfqlb: i32 level, u32 tracemask. */
  const words = (): number[] => [...new Int32Array(new Uint8Array(readFileSync(CONFIG)).buffer)];
  beforeAll(() => {
    process.env.NFQLB_TRACE_SHM = NAME;
  });
  afterAll(() => {
    delete process.env.NFQLB_TRACE_SHM;
  });
  afterEach(() => rmSync(CONFIG, { force: true }));

  test('is notice by default; the first program creates the shared memory', () => {
    expect(nfqlb('loglevel')).toEqual({ ...ok, stdout: 'loglevel=5\n' });
    expect(words()).toEqual([5, 0]);
    expect(nfqlb('loglevel', '7')).toEqual({ ...ok, stdout: 'loglevel=7\n' });
    expect(words()).toEqual([7, 0]);
    writeFileSync(CONFIG, new Uint8Array(Int32Array.of(4, 66).buffer));
    expect(nfqlb('loglevel')).toEqual({ ...ok, stdout: 'loglevel=4\n' });
    expect(nfqlb('loglevel', '--json')).toEqual({ ...ok, stdout: '{"loglevel":4}\n' });
    nfqlb('loglevel', '0');
    expect(words()).toEqual([0, 66]);
  });

  test.each(['8', '-1', 'debug', '7x', ''])('is a number from 0 to 7, not %j', (level) => {
    const { status, stdout, stderr } = nfqlb('loglevel', level);
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
    expect(stderr).toBe(`nfqlb loglevel: level ${level}: must be a whole number from 0 to 7\n`);
  });

  test('shared memory with other content is refused', () => {
    writeFileSync(CONFIG, 'abc');
    expect(nfqlb('loglevel')).toMatchObject({
      status: 1,
      stderr: `nfqlb loglevel: shared memory ${NAME}: it has 3 octets, a log level and a trace mask take 8\n`,
    });
  });
});

describe('a trace', () => {
  /** What nfqlb trace prints when the load balancer sends this text. */
  async function traced(sent: string, ...options: string[]): Promise<{ stdout: string; stderr: string }> {
    const server = createServer((socket) => socket.end(sent));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const command = [join(folder, 'nfqlb.js'), 'trace', '--selection=packet', `--trace_address=tcp:127.0.0.1:${port}`, ...options];
    try {
      const env = { ...process.env, NFQLB_TRACE_SHM: `${SHM}-trace` };
      return await promisify(execFile)(process.execPath, command, { env });
    } finally {
      server.close();
      rmSync(`${PATH}-trace`, { force: true });
    }
  }

  test('escapes control characters, whatever the sender', async () => {
    const { stdout, stderr } = await traced('Trace active\nflow \x1b[2J\x07a\u202eb\x9b\x00c\ttab\r\n');
    expect(stdout).toBe('Mask=0x00000002\nTrace active\nflow \\x1b[2J\\x07a\\u202eb\\x9b\\x00c\\x09tab\n');
    expect(stderr).toBe('nfqlb trace: the load balancer has ended the trace\n');
  });

  test('as JSON', async () => {
    const { stdout } = await traced('Trace active\n"one"\x07\n', '--json');
    expect(
      stdout
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line)),
    ).toEqual([
      { areas: ['packet'], text: 'Trace active' },
      { areas: ['packet'], text: '"one"\\x07' },
    ]);
  });

  test('fails if the load balancer ends it too soon', async () => {
    await expect(traced('Trace active\none\n', '--count=5')).rejects.toMatchObject({
      code: 1,
      stderr: 'nfqlb trace: the load balancer has ended the trace after 2 lines of 5\n',
    });
    expect((await traced('Trace active\none\ntwo\n', '--count=2')).stdout).toBe('Mask=0x00000002\nTrace active\none\n');
  });
});

describe('small commands', () => {
  test.each([
    [['primebelow', '1000'], '997\n'],
    [['primebelow', '2'], '2\n'],
  ])('%j', (args, stdout) => {
    expect(nfqlb(...args)).toEqual({ ...ok, stdout });
  });

  test('version, and help everywhere', () => {
    const { stdout } = nfqlb('version');
    expect(stdout).toMatch(/^nfqlb-\d+\.\d+\.\d+\n$/);
    for (const args of [['--version'], ['-V'], ['show', '--version'], ['lb', '-V']]) expect(nfqlb(...args)).toEqual({ ...ok, stdout });
    const { name, version } = JSON.parse(nfqlb('version', '--json').stdout);
    expect(`${name}-${version}\n`).toBe(stdout);
    expect(nfqlb('--help').stdout).toContain('activate');
    expect(nfqlb('help', 'init').stdout).toContain('--ownfw');
    expect(nfqlb('lb', '-help').stdout).toContain('--notargets_fwmark');
  });

  test('stats --watch prints every second until ^C, as plain text in a pipe', async () => {
    // The layout of C nfqlb: there is no load balancer to wait for.
    writeFileSync(PATH, new Uint8Array(72));
    const watching = spawn(process.execPath, [join(folder, 'nfqlb.js'), 'stats', `--ft_shm=${SHM}`, '--watch'], { stdio: 'pipe' });
    let printed = '';
    watching.stdout.on('data', (text) => {
      printed += text;
    });
    await expect.poll(() => printed.split('}\n').length, { timeout: 10_000 }).toBe(3);
    const ended = once(watching, 'exit');
    watching.kill('SIGINT');
    expect(await ended).toEqual([0, null]);
    for (const text of printed.split(/(?<=})\n/).slice(0, 2)) expect(JSON.parse(text)).toMatchObject({ hsize: 0, reAssembled: 0 });
  }, 20_000);

  test('stats --json is one line', () => {
    writeFileSync(PATH, new Uint8Array(72));
    const { stdout } = nfqlb('stats', `--ft_shm=${SHM}`, '--json');
    expect(stdout).toMatch(/^\{.*\}\n$/);
    expect(JSON.parse(stdout)).toEqual(JSON.parse(nfqlb('stats', `--ft_shm=${SHM}`).stdout));
  });

  test('stats names the missing shared memory when no load balancer has run', () => {
    expect(nfqlb('stats', `--ft_shm=${SHM}`)).toEqual({
      status: 1,
      stdout: '',
      stderr: `nfqlb stats: shared memory ${SHM}: no such object\n`,
    });
  });
});

describe('JSON', () => {
  test('of what doctor finds', () => {
    const { status, stdout, stderr } = nfqlb('doctor', '--json');
    const findings = JSON.parse(stdout) as { status: string; check: string; text: string; remedy?: string }[];
    expect(findings.map(({ check }) => check)).toContain('capabilities');
    for (const { status: found, text, remedy } of findings) {
      expect(text).not.toBe('');
      expect(remedy === undefined).toBe(found === 'ok');
    }
    expect([status, stderr]).toEqual([findings.some(({ status: found }) => found === 'problem') ? 1 : 0, '']);
  });

  test('of what up and down would do', () => {
    const up = ['up', '--vip=10.0.0.1/32', '--sysctl', '--dry-run', '10.0.9.9'];
    const steps = JSON.parse(nfqlb(...up, '--json').stdout) as { command?: string[]; input?: string[]; sysctl?: string; value?: number }[];
    const text = steps.map(({ command, input, sysctl, value }) =>
      command ? `${command.join(' ')} <<'END'\n${input!.join('\n')}\nEND\n` : `echo ${value} >/proc/sys/${sysctl!.replaceAll('.', '/')}\n`,
    );
    expect(text.join('')).toBe(nfqlb(...up).stdout);
    expect(steps.find(({ command }) => command?.[0] === 'iptables-restore')?.input).toContain('COMMIT');
    expect(JSON.parse(nfqlb('down', '--dry-run', '--json').stdout)).toBeInstanceOf(Array);
  });

  test.each([['up', '--vip=10.0.0.1/32', '10.0.9.9'], ['down']])('%s without --dry-run has none', (...args) => {
    expect(nfqlb(...args, '--json')).toEqual({ status: 1, stdout: '', stderr: `nfqlb ${args[0]}: --json: needs --dry-run\n` });
  });

  test('of what apply does', () => {
    const file = join(folder, 'applied.yaml');
    writeFileSync(file, `tables: { ${SHM}: { M: 97, targets: { 101: 1 } } }`);
    const { status, stdout } = nfqlb('apply', '--dry-run', '--json', file);
    const commands = JSON.parse(stdout) as string[];
    expect(commands.map((line) => `${line}\n`).join('')).toBe(nfqlb('apply', '--dry-run', file).stdout);
    expect([status, commands[0]]).toEqual([0, expect.stringContaining(`nfqlb init --shm=${SHM}`)]);
    nfqlb('apply', file);
    expect(nfqlb('apply', '--json', file).stdout).toBe('[]\n');
  });
});

describe('bad input: one line, exit status 1', () => {
  const table = `--shm=${SHM}`;
  test.each([
    [['init', '--M=-1'], '--M=-1: must be a whole number from 0 to 4294967295'],
    [['init', '--M=7', '--N=8', table], 'nfqlb init: N 8: must be a whole number from 1 to 7'],
    [['init', '--N=0'], `--N=0: must be a whole number from 1 to ${MAX_BUCKETS}`],
    [['init', '--M=10', '--N=20', table], 'nfqlb init: N 20: must be a whole number from 1 to 7, since M=10 is adjusted to 7'],
    [['init', '--M=abc'], '--M=abc: must be a whole number'],
    [['init', '--M=100000', '--permutation=nfqlb', table], 'M=99991: permutation kind nfqlb goes up to M=65537'],
    [['init', '--shm=a/b'], 'shared memory "a/b": a name has 1 to 255 octets, none of them a slash'],
    [['activate', table, 'abc'], 'abc: must be a whole number from 1 to 2147483647'],
    [['activate', table, '-1'], '-1: must be a whole number from 1 to 2147483647'],
    [['activate', table, '4294967296'], '4294967296: must be a whole number from 1 to 2147483647'],
    [
      ['activate', table, '0'],
      '0: must be a whole number from 1 to 2147483647 (a packet with fwmark 0 counts as one without, and is dropped)',
    ],
    [['activate', table, '1', '2', '3', '4', '5'], 'nfqlb activate: no free slot for fwmark 5: all 4 are taken'],
    [['activate', table, '--index=4', '1'], 'nfqlb activate: index 4: must be a whole number from 0 to 3'],
    [['activate', table, '--index=0', '1', '2'], '--index=0: a slot takes one fwmark, not 2'],
    [['activate', '--shm=nfqlb-test-none', '1'], 'nfqlb activate: shared memory nfqlb-test-none: no such table'],
    [['delete'], '--shm'],
    [['primebelow', '1'], '1: must be a whole number from 2 to 993997'],
    [['lb', '--qlength=0'], '--qlength=0: must be a whole number from 1'],
    [['lb', '--notargets_fwmark=-2'], '--notargets_fwmark=-2'],
    [['lb', '--mtu=575'], '--mtu=575: must be a whole number from 576 to 65531'],
    [['lb', '--ft_size=0'], '--ft_size=0: must be a whole number from 1 to 4194304'],
    [['lb', '--ft_ttl=0'], '--ft_ttl=0: must be a whole number from 1'],
    [['lb', '--reassembler=-1'], '--reassembler=-1: must be a whole number from 0'],
    [['lb', `--tshm=${SHM}`, '--lbshm=nfqlb-test-none'], 'nfqlb lb: shared memory nfqlb-test-none: no such table'],
    [['lb', `--tshm=${SHM}`, '--tun=none0', '--mtu=65000', '--ft_frag=4194304'], 'nfqlb lb: the fragment table needs 260033 MiB, '],
    [['lb', `--tshm=${SHM}`, '--metrics=203.0.113.1:80'], 'nfqlb lb: --metrics=203.0.113.1:80: '],
    [['explode'], 'explode'],
    [['flow-set', '--priority=3'], '--priority: no such option; did you mean --prio?'],
    [['status'], 'nfqlb: status: no such command; did you mean top or doctor?'],
    [['help', 'remove'], 'nfqlb: remove: no such command; did you mean deactivate or delete or flow-delete?'],
  ])('%j', (args, message) => {
    nfqlb('init', table, '--M=97', '--N=4');
    const { status, stdout, stderr } = nfqlb(...args);
    expect([status, stdout]).toEqual([1, '']);
    expect(stderr.trimEnd().split('\n')).toEqual([expect.stringContaining(message)]);
  });

  test.each([
    ['of the wrong size', () => truncateSync(PATH, 1000), /M=97, N=4 take \d+ octets, 1000 are there/],
    ['cut off in its header', () => truncateSync(PATH, 10), /it begins with 16 octets, 10 are there/],
    ['empty', () => truncateSync(PATH, 0), /it is empty/],
    ['that is something else', () => copyFileSync(process.execPath, PATH), /not a target table/],
    ['of a later version', () => writeVersion(4), /a target table of version 4; this program knows versions 1 to 3/],
  ])('shared memory %s', (_name, damage, message) => {
    nfqlb('init', table, '--M=97', '--N=4');
    damage();
    for (const command of ['show', 'activate', 'deactivate']) {
      const { status, stderr } = nfqlb(command, table);
      expect(status).toBe(1);
      expect(stderr).toMatch(message);
      expect(stderr.trimEnd().split('\n')).toHaveLength(1);
    }
  });

  function writeVersion(version: number): void {
    const bytes = readFileSync(PATH);
    bytes.writeUInt32LE(version, Math.ceil((4 + bytes.readUInt32LE(12)) / 64) * 64 + 4);
    writeFileSync(PATH, bytes);
  }
});
