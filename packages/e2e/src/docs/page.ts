// A documentation page as something that can be run: its fenced blocks, and what HTML comments say about running them.
//
//     <!-- run … -->               commands that readers do not see: the set-up that the page needs
//     <!-- fresh -->               what follows runs in a fresh environment
//     <!-- file nfqlb.yaml -->     the next block is the content of that file
//     <!-- from PATH -->           the next block is a part of that file of the repository
//     <!-- background -->          the last command of the next block keeps running, as in another terminal
//     <!-- status 1 -->            exit status of the last command of the next block
//     <!-- varies REGEX -->        what differs from run to run in the next block's output, besides what always does (shown-output.ts)

export interface Command {
  readonly text: string;
  /** What the page shows below it; `undefined` if nothing. */
  readonly output: string | undefined;
}

export interface Block {
  /** The page and the block's first line: `live.md: nfqlb init`. Unique. */
  readonly name: string;
  readonly language: string;
  readonly text: string;
  /** Empty if it is not a shell block. */
  readonly commands: readonly Command[];
  readonly isFile: string | undefined;
  readonly isFrom: string | undefined;
  readonly background: boolean;
  readonly status: number;
  readonly varies: readonly RegExp[];
}

export type Step =
  | { readonly type: 'block'; readonly block: Block }
  | { readonly type: 'run'; readonly text: string }
  | { readonly type: 'fresh' };

/** Blocks of these are commands, with or without prompts. */
const SHELL = ['', 'sh', 'console'];

/** Blocks of these are not. */
const OTHERS = ['text', 'yaml', 'ts', 'ini'];

/** @throws Error for a comment that looks like one of ours, but is not, and for an unknown language: no block is passed over */
export function readPage(page: string, markdown: string): Step[] {
  const steps: Step[] = [];
  const names = new Map<string, number>();
  let next: { file?: string; from?: string; background?: boolean; status?: number; varies?: RegExp[] } = {};
  const parts = /^<!--[ ]?(?<word>[a-z]+)(?<rest>[\s\S]*?)-->$|^(?<indent> *)```(?<language>\S*)[^\n]*\n(?<text>[\s\S]*?)^\k<indent>```$/gm;
  for (const { groups } of markdown.matchAll(parts)) {
    const { word, rest = '', language = '', text = '' } = groups!;
    const argument = rest.trim();
    switch (word) {
      case undefined: {
        const shown = text.replace(/\n$/, '');
        const title = `${page}: ${(shown.split('\n').find((line) => line.trim() !== '') ?? '').replace(/^\$ /, '').trim()}`;
        const count = (names.get(title) ?? 0) + 1;
        names.set(title, count);
        if (!SHELL.includes(language) && !OTHERS.includes(language)) {
          throw new Error(`${title}: language ${language}: must be one of ${OTHERS.join(', ')}, or none for commands, which are run`);
        }
        const { file, from, background = false, status = 0, varies = [] } = next;
        steps.push({
          type: 'block',
          block: {
            name: count === 1 ? title : `${title} #${count}`,
            language,
            text: shown,
            commands: SHELL.includes(language) && file === undefined ? commandsIn(shown) : [],
            isFile: file,
            isFrom: from,
            background,
            status,
            varies,
          },
        });
        next = {};
        break;
      }
      case 'run':
        steps.push({ type: 'run', text: argument });
        break;
      case 'fresh':
        steps.push({ type: 'fresh' });
        break;
      case 'file':
        next.file = argument;
        break;
      case 'from':
        next.from = argument;
        break;
      case 'background':
        next.background = true;
        break;
      case 'status':
        next.status = Number(argument);
        break;
      case 'varies':
        next.varies = [...(next.varies ?? []), new RegExp(argument, 'g')];
        break;
      default:
        // Comments for other programs, such as `behaviours:`, have a colon or several words.
        if (!rest.includes(':') && !rest.trim().includes(' '))
          throw new Error(`${page}: <!-- ${word} -->: unknown; page.ts lists what there is`);
    }
  }
  return steps;
}

/** With prompts, the commands after them, with the output that follows; without, every line or here-document is a command. */
function commandsIn(text: string): Command[] {
  const lines = text.split('\n');
  const prompted = lines.some((line) => line.startsWith('$ '));
  const commands: { text: string; output: string[] }[] = [];
  let ending: string | undefined;
  let continued = false;
  for (const line of lines) {
    const last = commands.at(-1);
    const begins = prompted ? line.startsWith('$ ') : line.trim() !== '';
    if (last !== undefined && (continued || ending !== undefined)) last.text += `\n${line}`;
    else if (begins) commands.push({ text: prompted ? line.slice(2) : line, output: [] });
    else if (prompted) last?.output.push(line);
    const added: boolean = continued || ending !== undefined || begins;
    if (ending !== undefined) {
      if (line === ending) ending = undefined;
    } else if (added) ending = /<<'?(\w+)'?/.exec(line)?.[1];
    continued = added && ending === undefined && line.endsWith('\\');
  }
  return commands.map(({ text, output }) => {
    const shown = output.join('\n').replace(/\n+$/, '');
    return { text, output: shown === '' ? undefined : shown };
  });
}
