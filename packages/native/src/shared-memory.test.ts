import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, readdirSync, readFileSync, statSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { afterEach, describe, expect, test } from 'vitest';
import { NativeError } from './native-error.js';
import { SharedMemory } from './shared-memory.js';
import { describeLive } from './testing/describe-live.js';
import { TestProgram } from './testing/program.js';

const NAME = `nfqlb-test-${process.pid}`;
const PATH = `/dev/shm/${NAME}`;

const maps: SharedMemory[] = [];

/** Opens an object until the test ends. */
function mapped(...args: Parameters<typeof SharedMemory.open>): SharedMemory {
  const memory = SharedMemory.open(...args);
  maps.push(memory);
  return memory;
}

afterEach(() => {
  for (const memory of maps.splice(0)) memory.close();
  SharedMemory.unlink(NAME);
});

const fill =
  (octet: number) =>
  (buffer: ArrayBuffer): void => {
    new Uint8Array(buffer).fill(octet);
  };

describe('an object', () => {
  test('is a file in /dev/shm, accessible only to its owner, and appears atomically', () => {
    SharedMemory.create(NAME, 100, (buffer) => {
      expect(SharedMemory.identity(NAME)).toBeUndefined();
      fill(7)(buffer);
    });
    expect(readFileSync(PATH)).toEqual(Buffer.alloc(100, 7));
    expect(statSync(PATH).mode & 0o777).toBe(0o600);
  });

  test('that could not be written leaves nothing behind, and the previous one in place', async () => {
    SharedMemory.create(NAME, 8, fill(1));
    let drafts: string[] = [];
    const broken = (): void =>
      SharedMemory.create(NAME, 8, () => {
        drafts = readdirSync('/dev/shm').filter((file) => file.startsWith('.nfqlb-'));
        throw new Error('no');
      });
    expect(broken).toThrow('no');
    expect(readFileSync(PATH)).toEqual(Buffer.alloc(8, 1));
    expect(drafts.length).toBeGreaterThan(0);
    // Another process may be creating an object, and briefly have a draft there.
    await expect.poll(() => drafts.filter((file) => existsSync(`/dev/shm/${file}`))).toEqual([]);
  });

  test('left unfinished by a killed writer is removed when the next one is created', async () => {
    const program = await TestProgram.make('killed-program');
    const script = `mount -t tmpfs none /dev/shm && { ${process.execPath} ${program.file} half || ls -A /dev/shm; ${process.execPath} ${program.file} whole && ls -A /dev/shm; }`;
    try {
      const printed = execFileSync('unshare', ['--user', '--map-root-user', '--mount', 'sh', '-c', script], { encoding: 'utf8' });
      expect(printed).toMatch(/^\.nfqlb-draft-[-0-9a-f]+\nwhole\n$/);
    } finally {
      program.remove();
    }
  });

  test('is shared by all that open it, including other programs', () => {
    SharedMemory.create(NAME, 8, fill(0));
    const [one, other] = [mapped(NAME), mapped(NAME)];
    new Uint8Array(one.buffer)[3] = 9;
    expect(new Uint8Array(other.buffer)[3]).toBe(9);
    expect(execFileSync('od', ['-An', '-tu1', PATH], { encoding: 'utf8' }).trim()).toMatch(/^0 +0 +0 +9/);
  });

  test('stays available to its users when its name is removed or reused', () => {
    SharedMemory.create(NAME, 8, fill(1));
    const first = mapped(NAME);
    SharedMemory.create(NAME, 16, fill(2));
    expect([...new Uint8Array(first.buffer)]).toEqual(new Array(8).fill(1));
    expect(first.identity).not.toBe(SharedMemory.identity(NAME));
    SharedMemory.unlink(NAME);
    expect(SharedMemory.identity(NAME)).toBeUndefined();
    expect(new Uint8Array(first.buffer)[0]).toBe(1);
  });

  test('keeps its identity while its memory changes', () => {
    SharedMemory.create(NAME, 8, fill(1));
    const memory = mapped(NAME);
    const { identity } = memory;
    new Uint8Array(memory.buffer).fill(5);
    expect([memory.identity, SharedMemory.identity(NAME)]).toEqual([identity, identity]);
  });

  test('that another program truncates reads as zeros, instead of killing this one', () => {
    SharedMemory.create(NAME, 3 * 4096, fill(3));
    const memory = mapped(NAME);
    const bytes = new Uint8Array(memory.buffer);
    expect([bytes[5000], memory.damaged]).toEqual([3, false]);
    truncateSync(PATH, 4096);
    expect(memory.identity).toBe(SharedMemory.identity(NAME));
    expect([bytes[4095], memory.damaged]).toEqual([3, false]);
    expect([bytes[5000], bytes[3 * 4096 - 1], memory.damaged]).toEqual([0, 0, true]);
    bytes[5000] = 1;
    // All of it, not just the lost page: a reader that checks the beginning must notice.
    expect([bytes[5000], bytes[4095]]).toEqual([1, 0]);
    expect(mapped(NAME).damaged).toBe(false);
  });

  test('that another program rewrites in place has another identity if its size changes', () => {
    SharedMemory.create(NAME, 8192, fill(3));
    const before = SharedMemory.identity(NAME);
    writeFileSync(PATH, Buffer.alloc(100, 4));
    expect(SharedMemory.identity(NAME)).not.toBe(before);
  });

  test('that is closed has length 0, and is unmapped at once', () => {
    SharedMemory.create(NAME, 8, fill(1));
    const memory = mapped(NAME);
    const view = new Uint8Array(memory.buffer);
    expect(mappings()).toBe(1);
    memory.close();
    expect([view.length, memory.buffer.byteLength, view[0]]).toEqual([0, 0, undefined]);
    expect(mappings()).toBe(0);
    memory.close();
    expect(() => memory.identity).toThrow(`shared memory ${NAME}: it is closed`);
    expect(() => memory.locked(0, () => 1)).toThrow(`shared memory ${NAME}: it is closed`);
  });

  test('may be larger than all that V8 counts, which ends the process since Node 24 if it is subtracted first', () => {
    writeFileSync(PATH, '', { mode: 0o600 });
    truncateSync(PATH, 2 ** 32);
    const memory = mapped(NAME);
    expect(memory.buffer.byteLength).toBe(2 ** 32);
    memory.close();
    expect(memory.buffer.byteLength).toBe(0);
  });

  test('is named as in shm_open(3), with or without a leading slash', () => {
    SharedMemory.create(`/${NAME}`, 8, fill(1));
    expect(SharedMemory.identity(NAME)).toBe(SharedMemory.identity(`/${NAME}`));
    expect(existsSync(PATH)).toBe(true);
  });
});

describe('an object opened read-only', () => {
  test('shows what others write', () => {
    SharedMemory.create(NAME, 8192, fill(1));
    const [writer, reader] = [mapped(NAME), mapped(NAME, { readOnly: true })];
    const [written, read] = [new Int32Array(writer.buffer), new Int32Array(reader.buffer)];
    expect(Atomics.load(read, 1500)).toBe(0x01010101);
    Atomics.store(written, 1500, 7);
    expect(Atomics.load(read, 1500)).toBe(7);
  });

  test('keeps writes to itself', () => {
    SharedMemory.create(NAME, 8192, fill(1));
    const [other, reader] = [mapped(NAME), mapped(NAME, { readOnly: true })];
    const read = new Uint8Array(reader.buffer);
    read[5000] = 9;
    expect([read[5000], new Uint8Array(other.buffer)[5000]]).toEqual([9, 1]);
    expect(readFileSync(PATH)).toEqual(Buffer.alloc(8192, 1));
  });

  test('can be locked without write permission', () => {
    SharedMemory.create(NAME, 8, fill(1));
    chmodSync(PATH, 0o444);
    const reader = mapped(NAME, { readOnly: true });
    expect(reader.locked(0, () => 'mine')).toBe('mine');
  });
});

describe('the lock', () => {
  test('belongs to one opener of the object, until its work is done or has failed', () => {
    SharedMemory.create(NAME, 8, fill(0));
    const [one, other] = [mapped(NAME), mapped(NAME)];
    const work = (): void =>
      one.locked(0, () => {
        expect(() => other.locked(0, () => 1)).toThrow('ETIMEDOUT');
        throw new Error('failed');
      });
    expect(work).toThrow('failed');
    expect(other.locked(0, () => one.name)).toBe(NAME);
  });

  test('makes others wait, and is released when its holder is killed', async () => {
    SharedMemory.create(NAME, 8, fill(0));
    const holder = spawn('flock', ['--exclusive', PATH, 'sh', '-c', 'echo held; exec sleep 60'], {
      stdio: ['ignore', 'pipe', 'ignore'],
      detached: true,
    });
    await once(holder.stdout!, 'data');
    const memory = mapped(NAME);
    expect(() => memory.locked(50, () => 1)).toThrow(
      `shared memory ${NAME}: another program has locked it for more than 50 ms (ETIMEDOUT)`,
    );
    process.kill(-holder.pid!, 'SIGKILL');
    await once(holder, 'exit');
    expect(memory.locked(1000, () => 'mine')).toBe('mine');
    expect(memory.locked(0, () => 'again')).toBe('again');
  });
});

describe('bad names and objects', () => {
  test.each([
    ['a missing object', 'nfqlb-test-absent', 'ENOENT', 'shared memory nfqlb-test-absent: no such object'],
    ['a slash', 'a/b', 'EINVAL', 'shared memory "a/b": a name has 1 to 255 octets, none of them a slash'],
    ['an empty name', '', 'EINVAL', 'shared memory "": a name has 1 to 255 octets, none of them a slash'],
    ['too long', 'x'.repeat(256), 'EINVAL', /a name has 1 to 255 octets/],
    ['the folder', '..', 'EINVAL', /a name has 1 to 255 octets/],
  ])('%s', (_name, name, code, message) => {
    const open = (): unknown => SharedMemory.open(name);
    expect(open).toThrow(NativeError);
    expect(open).toThrow(message);
    expect(open).toThrow(expect.objectContaining({ code }));
  });

  test('an empty object', () => {
    writeFileSync(PATH, '');
    expect(() => SharedMemory.open(NAME)).toThrow(`shared memory ${NAME}: it is empty`);
  });

  test('a link to elsewhere', () => {
    symlinkSync('/etc/hostname', PATH);
    expect(() => SharedMemory.open(NAME)).toThrow('ELOOP');
  });

  test('an object larger than a buffer, which has 4 GiB at most in Node 20', () => {
    writeFileSync(PATH, '');
    truncateSync(PATH, 5 * 2 ** 30);
    for (let round = 0; round < 3; round++) {
      try {
        SharedMemory.open(NAME).close();
      } catch (error) {
        expect((error as Error).message).toBe(`shared memory ${NAME}: mapping: File too large (EFBIG)`);
      }
    }
  });

  test('an object of no size', () => {
    expect(() => SharedMemory.create(NAME, 0, fill(1))).toThrow(`shared memory ${NAME}: allocating: Invalid argument (EINVAL)`);
    expect(existsSync(PATH)).toBe(false);
  });
});

describeLive('a full /dev/shm', () => {
  test('is an error before anything is written', async () => {
    const program = await TestProgram.make('create-program');
    const script = `mount -t tmpfs -o size=64k none /dev/shm && exec ${process.execPath} ${program.file}`;
    try {
      const printed = execFileSync('unshare', ['--mount', 'sh', '-c', script], { encoding: 'utf8' });
      expect(JSON.parse(printed)).toEqual({
        small: 'created',
        large: 'shared memory large: /dev/shm has no room for its 1000000 octets (ENOSPC)',
        left: ['small'],
      });
    } finally {
      program.remove();
    }
  });
});

function mappings(): number {
  return readFileSync('/proc/self/maps', 'utf8')
    .split('\n')
    .filter((line) => line.includes(PATH)).length;
}
