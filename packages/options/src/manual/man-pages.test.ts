import { expect, test } from 'vitest';
import { Command } from '../command.js';
import { addCompletion } from '../index.js';
import { wholeNumber } from '../values/numbers.js';
import { type ManPage, type ManualOptions, manPages } from './man-pages.js';

const OPTIONS = { version: 'test 1.2.3', date: '2026-01-31' } as const;

function program(): Command {
  const made = new Command('test');
  made.description('tests things').examples(['test load x', 'a file']);
  made
    .command('set')
    .description("set it, as with `test load`: it's all the same; \\fBnot bold")
    .requiredOption('--shm <name>', 'a table')
    .option('--ft_size <packets>', 'a size', wholeNumber({ max: 9 }), 5)
    .option('--json [file]', '.to a file')
    .argument('[fwmarks...]', 'targets; -1 for none')
    .examples(['test set --shm=web 1', 'one target'], ['test set', '.two'])
    .exitStatus('0; or 7 if not set');
  made.command('load').description('load a file').argument('<file>');
  made.addCommand(new Command('secret'), { hidden: true });
  addCompletion(made);
  return made;
}

const pages = (more: Pick<ManualOptions, 'pages'> & Partial<ManualOptions>): Map<string, string> =>
  new Map(manPages(program(), { ...OPTIONS, ...more }).map(({ name, text }: ManPage) => [name, text]));

test('a page for the program and each of its commands, but no hidden one', () => {
  expect([...pages({ pages: 'each' }).keys()]).toEqual(['test', 'test-set', 'test-load', 'test-completion']);
  expect([...pages({ pages: 'one' }).keys()]).toEqual(['test']);
});

test("a command's page has what it declares, and nothing in it is taken for a macro", () => {
  expect(pages({ pages: 'each' }).get('test-set')).toBe(String.raw`.TH TEST-SET 1 2026-01-31 "test 1.2.3" "User Commands"
.SH NAME
test\-set \- set it, as with test load
.SH SYNOPSIS
\fBtest set\fR \fB\-\-shm\fR=\fIname\fR [\fIoption\fR ...]
[\fIfwmarks\fR ...]
.SH DESCRIPTION
Set it, as with \fBtest load\fR: it\(aqs all the same; \efBnot bold.
.SH ARGUMENTS
.TP
\fIfwmarks\fR
Targets; \-1 for none.
.SH OPTIONS
.TP
\fB\-\-shm\fR=\fIname\fR
A table (required).
.TP
\fB\-\-ft_size\fR=\fIpackets\fR
A size (default: 5).
.TP
\fB\-\-json\fR[=\fIfile\fR]
\&.to a file.
.SH "EXIT STATUS"
0; or 7 if not set.
.SH EXAMPLES
.nf
# one target
test set \-\-shm=web 1
.fi
.PP
.nf
# .two
test set
.fi
.SH "SEE ALSO"
\fBtest\fR(1)
`);
});

test("the program's page lists the commands, files, environment and other pages", () => {
  const text = pages({
    pages: 'each',
    environment: { TEST_X: 'an address' },
    files: { '/etc/test': 'read by `load`' },
    seeAlso: ['other(8)'],
  }).get('test')!;
  for (const part of [
    '.SH NAME\ntest \\- tests things\n',
    '.TP\n\\fBtest\\-load\\fR(1)\nLoad a file.\n',
    '.SH ENVIRONMENT\n.TP\n\\fBTEST_X\\fR\nan address\n',
    '.SH FILES\n.TP\n\\fB/etc/test\\fR\nread by \\fBload\\fR\n',
    '.SH "EXIT STATUS"\n0; or 1 after an error, which is a line on stderr.\n',
    '.SH EXAMPLES\n.nf\n# a file\ntest load x\n.fi\n',
    '.SH "SEE ALSO"\n\\fBother\\fR(8)\n',
  ]) {
    expect(text).toContain(part);
  }
});

test('no line is longer than 72 octets, and none begins like a macro', () => {
  const about = `${'words '.repeat(11)}and .files ${'words '.repeat(10)}`.trim();
  const [page] = manPages(new Command('test').description('test: x'), { ...OPTIONS, pages: 'one', environment: { X: about } });
  const lines = page!.text.slice(page!.text.indexOf('ENVIRONMENT')).split('\n');
  expect(lines.slice(3, -1)).toEqual([
    'words words words words words words words words words words words and',
    '\\&.files words words words words words words words words words words',
  ]);
});

test('one page has the options of all commands', () => {
  const text = pages({ pages: 'one' }).get('test')!;
  expect(text).toContain('.SS load\n\\fBtest load\\fR \\fIfile\\fR\n.PP\nLoad a file.\n');
  expect(text).toContain('\\fB\\-\\-ft_size\\fR=\\fIpackets\\fR\nA size (default: 5).\n');
});
