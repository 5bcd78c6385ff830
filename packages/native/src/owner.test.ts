import { execFileSync } from 'node:child_process';
import { chmodSync, chownSync, writeFileSync } from 'node:fs';
import { afterEach, describe, expect, test } from 'vitest';
import { SharedMemory } from './shared-memory.js';
import { asUser, NOBODY } from './testing/as-user.js';
import { describeLive } from './testing/describe-live.js';
import { TestProgram } from './testing/program.js';

const NAME = `nfqlb-test-owner-${process.pid}`;
const PATH = `/dev/shm/${NAME}`;

afterEach(() => SharedMemory.unlink(NAME));

function open(): void {
  SharedMemory.open(NAME).close();
}

describe('memory that others may write to', () => {
  test.each(['622', '620', '602', '666'])('is refused: mode %s', (mode) => {
    SharedMemory.create(NAME, 8, () => {});
    chmodSync(PATH, Number.parseInt(mode, 8));
    expect(open).toThrow(
      new RegExp(`^shared memory ${NAME}: it belongs to .*, but others may write to it \\(mode ${mode}\\): .*chmod go-w ${PATH}$`),
    );
    expect(open).toThrow(expect.objectContaining({ code: 'EPERM' }));
    expect(() => SharedMemory.open(NAME, { readOnly: true })).toThrow('others may write to it');
  });

  test('is accepted if they may only read it', () => {
    SharedMemory.create(NAME, 8, () => {});
    chmodSync(PATH, 0o644);
    expect(open).not.toThrow();
  });

  test('a pipe is refused at once, without waiting for its other end', () => {
    execFileSync('mkfifo', ['-m', '600', PATH]);
    expect(open).toThrow(`shared memory ${NAME}: ${PATH} is not a file`);
    expect(() => SharedMemory.open(NAME, { readOnly: true })).toThrow('is not a file');
  });
});

describeLive('memory of another user', () => {
  test('is refused even to root, in one line with the owner and what to do', () => {
    asUser(NOBODY, `umask 077; head -c 100 /dev/zero >${PATH}`);
    expect(open).toThrow(
      `shared memory ${NAME}: it belongs to nobody (uid 65534), must belong to root: remove it (nfqlb delete --shm=${NAME}), or run this as its owner`,
    );
    // Replacing it makes it root's.
    SharedMemory.create(NAME, 8, () => {});
    expect(open).not.toThrow();
  });

  test('is also refused if the user has no name', () => {
    writeFileSync(PATH, 'x', { mode: 0o600 });
    chownSync(PATH, 4711, 4711);
    expect(open).toThrow('it belongs to uid 4711, must belong to root');
  });

  test('an access control list that lets another user write is visible in the mode', () => {
    SharedMemory.create(NAME, 8, () => {});
    // user::rw-, user:65534:rw-, group::---, mask::rw-, other::---, in the attribute format of acl(5).
    const entry = (tag: number, permissions: number, id = 0xffffffff): number[] => [
      ...new Uint8Array(Uint16Array.of(tag, permissions).buffer),
      ...new Uint8Array(Uint32Array.of(id).buffer),
    ];
    const acl = Buffer.from([2, 0, 0, 0, ...entry(1, 6), ...entry(2, 6, NOBODY), ...entry(4, 0), ...entry(16, 6), ...entry(32, 0)]);
    const set = `import os,sys; os.setxattr("${PATH}", "system.posix_acl_access", bytes.fromhex("${acl.toString('hex')}"))`;
    execFileSync('python3', ['-c', set]);
    expect(open).toThrow('but others may write to it (mode 660)');
  });

  test('an ordinary user may open world-readable memory of root, and its own, but not another user’s', async () => {
    const program = await TestProgram.make('open-program');
    const says = (): string => asUser(NOBODY, `exec ${process.execPath} ${program.file} ${NAME}`).trim();
    try {
      SharedMemory.create(NAME, 8, () => {});
      expect(says()).toBe(`shared memory ${NAME}: permission denied: it belongs to root`);
      chmodSync(PATH, 0o644);
      expect(says()).toBe('open');
      chmodSync(PATH, 0o600);
      chownSync(PATH, NOBODY, NOBODY);
      expect(says()).toBe('open');
      chmodSync(PATH, 0o644);
      chownSync(PATH, 4711, 4711);
      expect(says()).toBe(
        `shared memory ${NAME}: it belongs to uid 4711, must belong to root or nobody (uid 65534): have root remove it (nfqlb delete --shm=${NAME}), or run this as its owner`,
      );
    } finally {
      program.remove();
    }
  });
});

describeLive('deleting memory', () => {
  test('of another user is refused, with the owner', async () => {
    const program = await TestProgram.make('unlink-program');
    const says = (name: string): string => asUser(NOBODY, `exec ${process.execPath} ${program.file} ${name}`).trim();
    try {
      SharedMemory.create(NAME, 8, () => {});
      expect(says(NAME)).toBe(`shared memory ${NAME}: cannot be deleted: it belongs to root`);
      expect(says(`${NAME}-none`)).toBe('deleted');
    } finally {
      program.remove();
    }
  });
});

describeLive('memory in use', () => {
  test('is visible as such in other network namespaces until it is closed, but not in the same one', async () => {
    const program = await TestProgram.make('use-program');
    const elsewhere = (): string => execFileSync('unshare', ['--net', process.execPath, program.file, NAME], { encoding: 'utf8' }).trim();
    const here = (): string => execFileSync(process.execPath, [program.file, NAME], { encoding: 'utf8' }).trim();
    try {
      SharedMemory.create(NAME, 8, () => {});
      expect([here(), elsewhere()]).toEqual(['false', 'false']);
      const [one, other] = [SharedMemory.open(NAME), SharedMemory.open(NAME)];
      one.markUse();
      other.markUse();
      // The lock for changes is a separate one.
      expect(other.locked(0, () => [here(), elsewhere()])).toEqual(['false', 'true']);
      one.close();
      expect(elsewhere()).toBe('true');
      other.close();
      expect(elsewhere()).toBe('false');
    } finally {
      program.remove();
    }
  });
});

describe('memory in use', () => {
  test('is held by one opener until it closes it', () => {
    SharedMemory.create(NAME, 8, () => {});
    const [one, other] = [SharedMemory.open(NAME), SharedMemory.open(NAME)];
    expect([one.hold(), other.hold(), one.hold()]).toEqual([true, false, true]);
    one.close();
    expect(other.hold()).toBe(true);
    other.close();
  });
});
