// Completion in real shells, which get the script and a line as a user types it.

import { execFile, execFileSync } from 'node:child_process';
import { accessSync, constants, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { Server } from 'node:net';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { serveFlows } from '@nfqlb/protocol/flow';
import { parseSocketAddress } from '@nfqlb/protocol/sockets';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';

/** For a shell that hangs. */
const TIMEOUT_MS = 60_000;
vi.setConfig({ testTimeout: TIMEOUT_MS, hookTimeout: TIMEOUT_MS });

const run = promisify(execFile);
const root = new URL('../../', import.meta.url).pathname;
const SHM = `nfqlb-test-completion-${process.pid}`;
const FLOWS = `unix:${SHM}`;
/** Without the `nfqlb` of the clone, which pnpm and npx put there: the scripts start the one that is tested. */
const OWN_PATH = (process.env.PATH ?? '')
  .split(delimiter)
  .filter((path) => !existsSync(join(path, 'nfqlb')))
  .join(delimiter);
let folder: string;
let server: Server;

beforeAll(async () => {
  folder = mkdtempSync(join(root, 'build-'));
  const bundle = ['../../scripts/bundle.mjs', 'src/nfqlb.ts', 'src/ipu.ts', `--outdir=${folder}`];
  execFileSync(process.execPath, bundle, { cwd: root });
  for (const shell of ['bash', 'zsh', 'fish']) writeFileSync(join(folder, shell), await nfqlb('completion', shell));
  await nfqlb('init', `--shm=${SHM}`);
  await nfqlb('activate', `--shm=${SHM}`, '101', '102');
  server = await serveFlows(parseSocketAddress(FLOWS), () => Buffer.from('["web","#web","dns"]'));
});
afterAll(async () => {
  server.close();
  await nfqlb('delete', `--shm=${SHM}`);
  rmSync(folder, { recursive: true });
});

async function nfqlb(...args: string[]): Promise<string> {
  return (await run(process.execPath, [join(folder, 'nfqlb.js'), ...args])).stdout;
}

/** Completes lines in a shell: returns the candidates for the last word of each line. */
type Complete = (script: string, lines: readonly string[], env: NodeJS.ProcessEnv) => Promise<string[][]>;

/** Calls the completion function as readline does, which splits words at = and :. */
const bash: Complete = async (script, lines, env) => {
  const program = `source "$1"; shift
    for line; do
      eval "$line"; COMP_CWORD=$((\${#COMP_WORDS[@]} - 1)) COMPREPLY=(); _nfqlb; echo "\${COMPREPLY[*]}"
    done`;
  const typed = lines.map((line) => `COMP_WORDS=(${splitWords(line).join(' ')})`);
  return wordsOf((await run('bash', ['-c', program, 'bash', script, ...typed], { env, timeout: TIMEOUT_MS })).stdout).slice(
    0,
    lines.length,
  );
};

function splitWords(line: string): string[] {
  return line.split(' ').flatMap((word) => (word === '' ? ["''"] : word.split(/([=:]+)/).filter((piece) => piece !== '')));
}

const fish: Complete = async (script, lines, env) => {
  const program = `source $argv[1]; for line in $argv[2..]; complete -C $line | string replace -r '\\t.*' '' | string join ' '; echo; end`;
  const { stdout } = await run('fish', ['--no-config', '-c', program, script, ...lines], { env, timeout: TIMEOUT_MS });
  // An empty line follows each result; an empty result is just that line.
  return stdout
    .split(/\n\n|(?<=^|\n)\n/)
    .slice(0, lines.length)
    .map((line) => line.split(/\s+/).filter((word) => word !== ''));
};

/** In a pseudo-terminal: Tab inserts all matches, and another key prints the line. */
const zsh: Complete = async (script, lines, env) => {
  const inner = `PS1= PS2= RPS1=; stty -echo; autoload -U compinit; compinit -D -u; source ${script}
    zle -C all complete-word _generic; bindkey '^I' all
    zstyle ':completion:all::::' completer _all_matches _complete
    zstyle ':completion:all:*' insert true
    show() { print -r -- "<<$BUFFER>>"; BUFFER= }; zle -N show; bindkey '^G' show; print ready`;
  const outer = `zmodload zsh/zpty; zpty -b z zsh -f -i
    zpty -w z "$1"; shift; zpty -r z got '*ready*'
    for line; do
      zpty -n -w z "$line"$'\\t\\x07'; zpty -r -m z got '*<<*>>*'
      got=\${got##*<<}; print -r -- "\${got%%>>*}"
    done
    zpty -d z`;
  const { stdout } = await run('zsh', ['-f', '-c', outer, 'zsh', inner, ...lines], { env, timeout: TIMEOUT_MS });
  const before = lines.map((line) => line.split(' ').length - 1);
  return stdout
    .split('\n')
    .slice(0, lines.length)
    .map((line, i) => line.trimEnd().split(' ').slice(before[i]));
};

function wordsOf(stdout: string): string[][] {
  return stdout.split('\n').map((line) => line.split(' ').filter((word) => word !== ''));
}

const SHELLS = { bash, zsh, fish };

/** A missing shell is a failure in CI; elsewhere its tests are skipped, with a reason. */
function describeShell(shell: keyof typeof SHELLS, tests: () => void): void {
  const reason = `${shell}: needs ${shell} (Debian package ${shell})`;
  if (isInstalled(shell)) describe(shell, tests);
  else if (process.env.CI) {
    test(shell, () => {
      throw new Error(reason);
    });
  } else {
    console.warn(reason);
    describe.skip(reason, tests);
  }
}

function isInstalled(program: string): boolean {
  return (process.env.PATH ?? '').split(delimiter).some((path) => {
    try {
      accessSync(join(path, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

for (const shell of ['bash', 'zsh', 'fish'] as const) {
  describeShell(shell, () => {
    const complete = (lines: readonly string[], flows = FLOWS): Promise<string[][]> =>
      SHELLS[shell](join(folder, shell), lines, { ...process.env, PATH: OWN_PATH, NFQLB_FLOW_ADDRESS: flows });
    /** In bash the part before the = does not belong to the word. */
    const valued = (option: string, ...values: string[]): string[] =>
      values.map((value) => (shell === 'bash' ? value : `${option}=${value}`)).sort();

    test('completes commands, options and fixed values', async () => {
      const offered = await complete([
        'nfqlb dea',
        'nfqlb lb --has',
        'nfqlb init --permutation=',
        'nfqlb init --permutation n',
        'nfqlb flow-set --protocols=tcp,s',
        'nfqlb completion ',
        'nfqlb doctor --js',
        'nfqlb --v',
      ]);
      expect(offered.map((words) => words.toSorted())).toEqual([
        ['deactivate'],
        ['--hash_mode='],
        valued('--permutation', 'fwmark', 'nfqlb'),
        ['nfqlb'],
        valued('--protocols', 'tcp,sctp'),
        ['bash', 'fish', 'zsh'],
        ['--json'],
        ['--version'],
      ]);
    });

    test('completes names of tables, of active fwmarks and of flows', async () => {
      const prefix = SHM.slice(0, -1);
      const offered = await complete([
        `nfqlb show --shm=${prefix}`,
        `nfqlb deactivate --shm=${SHM} `,
        `nfqlb deactivate --shm ${SHM} 101 10`,
        'nfqlb flow-delete --name=',
      ]);
      expect(offered.map((words) => words.toSorted())).toEqual([
        valued('--shm', SHM),
        ['101', '102'],
        ['102'],
        valued('--name', 'dns', 'web'),
      ]);
    });

    test('offers nothing, without delay, when no load balancer runs', async () => {
      // zsh leaves the line unchanged.
      const [offered] = await complete(['nfqlb flow-delete --name='], `${FLOWS}-none`);
      expect(offered).toEqual(shell === 'zsh' ? ['--name='] : []);
    });
  });
}

test('a flow socket that accepts connections but never answers does not block completion', async () => {
  const mute = await serveFlows(parseSocketAddress(`${FLOWS}-mute`), () => new Promise(() => {}));
  const env = { ...process.env, NFQLB_FLOW_ADDRESS: `${FLOWS}-mute` };
  const { stdout, stderr } = await run(process.execPath, [join(folder, 'nfqlb.js'), 'complete', '--', 'flow-delete', '--name='], {
    env,
    // It ends by itself; the socket never answers.
    timeout: TIMEOUT_MS,
  });
  expect([stdout, stderr]).toEqual(['', '']);
  mute.close();
});

test('files in /dev/shm that are not tables are not offered', async () => {
  const other = `/dev/shm/${SHM}-other`;
  writeFileSync(other, 'something else');
  const pipe = `/dev/shm/${SHM}-pipe`;
  execFileSync('mkfifo', [pipe]);
  try {
    expect(await nfqlb('complete', '--', 'show', `--shm=${SHM}`)).toBe(`--shm=${SHM}\ttable with targets 101 102\n`);
  } finally {
    rmSync(other);
    rmSync(pipe);
  }
});

test('ipu completes itself, too', async () => {
  const { stdout } = await run(process.execPath, [join(folder, 'ipu.js'), 'complete', '--', 'makeip', '--subnet=']);
  expect(stdout).toBe('--subnet=1\n--subnet=2\n');
});
