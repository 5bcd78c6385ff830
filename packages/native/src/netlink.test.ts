import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const SOURCE = fileURLToPath(new URL('../addon/netlink_test.cc', import.meta.url));

// The only way to feed the parser messages that the kernel never sends; a sanitizer detects any read outside of them.
test('addon/netlink.h passes netlink_test.cc under AddressSanitizer and UBSan', () => {
  const folder = mkdtempSync(join(tmpdir(), 'nfqlb-netlink-'));
  try {
    const program = join(folder, 'netlink_test');
    execFileSync('g++', [
      '-std=c++17',
      '-g',
      '-O1',
      '-Wall',
      '-Wextra',
      '-Werror',
      '-fsanitize=address,undefined',
      '-fno-sanitize-recover=all',
      SOURCE,
      '-o',
      program,
    ]);
    expect(execFileSync(program, { encoding: 'utf8' })).toMatch(/^netlink: \d{6,} checks, 0 failed\n$/);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('addon/netlink.h stands some seconds of libFuzzer', () => {
  const program = fileURLToPath(new URL('../scripts/fuzz.mjs', import.meta.url));
  expect(execFileSync(process.execPath, [program, '--seconds=3'], { encoding: 'utf8' })).toMatch(/^netlink: \d{3,} inputs, passed\n$/);
});
